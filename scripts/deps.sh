#!/bin/sh
# deps.sh GROUP... - install what is missing for a group of tasks: build, unit (to
# compile tests), test (the hosts and tools that they run), hosts (more of them),
# lint. Says nothing when all is there. Shell built-ins and one pkg-config call do the looking, because
# every make runs this.
set -u
cd "$(dirname "$0")" || exit 1

# What to look for, and the package that has it. "c:" a command, "p:" a pkg-config
# module, "f:" a file (a pattern); "," separates places where it may be, "-" means
# that another line's package brings it. "a/b" is the first of the two that the
# package manager knows.
#
# group  look for                         apt                    dnf                      pacman              zypper
table='
build  c:gcc,c:cc                         gcc                    gcc                      gcc                 gcc
build  f:/usr/include/stdlib.h            libc6-dev              glibc-devel              glibc               glibc-devel
build  c:pkg-config                       pkg-config             pkgconf-pkg-config       pkgconf             pkgconf-pkg-config
build  p:libelf                           libelf-dev             elfutils-libelf-devel    libelf              libelf-devel
build  p:libdw                            libdw-dev              elfutils-devel           elfutils            libdw-devel
build  p:capstone                         libcapstone-dev        capstone-devel           capstone            libcapstone-devel
build  p:jansson                          libjansson-dev         jansson-devel            jansson             libjansson-devel
build  p:libxxhash                        libxxhash-dev          xxhash-devel             xxhash              xxhash-devel
build  f:/usr/include/uthash.h            uthash-dev             uthash-devel             uthash              uthash-devel
build  f:/usr/lib*/gcc/x86_64*/*/libstdc++.so,f:/usr/lib*/libstdc++.so  g++  gcc-c++      gcc                 gcc-c++
unit   p:check                            check                  check-devel              check               check-devel
test   c:g++                              g++                    gcc-c++                  gcc                 gcc-c++
test   c:clang                            clang                  clang                    clang               clang
test   c:ld.lld                           lld                    lld                      lld                 lld
test   c:mold                             mold                   mold                     mold                mold
test   c:dwz,f:/etc/arch-release      dwz                    dwz                      gcc                 dwz
test   f:/usr/lib*/libdebuginfod.so.1,f:/usr/lib/*/libdebuginfod.so.1  libdebuginfod1  elfutils-debuginfod-client  debuginfod        libdebuginfod1
test   c:rustc                            rustc                  rust                     rust                rust
test   c:lua5.4,c:lua                     lua5.4                 lua                      lua                 lua54
test   p:lua5.4,p:lua                     liblua5.4-dev          lua-devel                lua                 lua54-devel
test   c:luajit                           luajit                 luajit                   luajit              luajit
test   c:gdb                              gdb                    gdb                      gdb                 gdb
test   f:/usr/bin/python3                 python3                python3                  python              python3
test   p:python3                          python3-dev            python3-devel            python              python3-devel
test   c:sqlite3                          sqlite3                sqlite                   sqlite              sqlite3
test   p:sqlite3                          libsqlite3-dev         sqlite-devel             sqlite              sqlite3-devel
test   p:bash                             bash-builtins          bash-devel               bash                bash-devel
test   c:gst-launch-1.0                   gstreamer1.0-tools     gstreamer1               gstreamer           gstreamer-utils
test   p:gstreamer-1.0                    libgstreamer1.0-dev    gstreamer1-devel         gstreamer           gstreamer-devel
test   f:/usr/lib/postgresql*/*/bin/postgres,f:/usr/lib/postgresql*/bin/postgres,c:postgres  postgresql  postgresql-server  postgresql  postgresql-server
test   f:/usr/include/postgresql/*/server/postgres.h,f:/usr/include/pgsql/server/postgres.h,f:/usr/include/postgresql/server/postgres.h  postgresql-server-dev-15/postgresql-server-dev-all  postgresql-server-devel  postgresql-libs  postgresql-server-devel
test   p:sdl2                             libsdl2-dev            SDL2-devel               sdl2                libSDL2-devel
test   c:Xvfb                             xvfb                   xorg-x11-server-Xvfb     xorg-server-xvfb    xorg-x11-server-Xvfb
test   c:newuidmap                        uidmap                 shadow-utils             shadow              shadow
hosts  c:javac                            default-jdk-headless   java-latest-openjdk-devel  jdk-openjdk       java-devel
hosts  c:node                             nodejs                 nodejs                   nodejs              nodejs
hosts  f:/usr/include/node/node_api.h     libnode-dev            nodejs-devel             nodejs              nodejs-devel
hosts  c:nginx                            nginx-light            nginx                    nginx               nginx
hosts  f:/usr/share/nginx/src/configure   nginx-dev              nginx-mod-devel          nginx-src           nginx-source
lint   c:clang-format                     clang-format           clang-tools-extra        clang               clang-tools
lint   c:clang-tidy                       clang-tidy             clang-tools-extra        clang               clang-tools
lint   c:cppcheck                         cppcheck               cppcheck                 cppcheck            cppcheck
lint   c:mandoc                           mandoc                 mandoc                   mandoc              mandoc
'

# All modules of the wanted groups in one call: the usual case needs no second.
modules_all_there()
{
	test -n "$modules" || return 0
	command -v pkg-config >/dev/null 2>&1 || return 1
	# shellcheck disable=SC2086 # a list of words
	pkg-config --exists $modules
}

is_there() # PLACES
{
	IFS=,
	# shellcheck disable=SC2086 # split at the commas
	set -- $1
	unset IFS
	for place; do
		case $place in
		c:*) command -v "${place#c:}" >/dev/null 2>&1 && return 0 ;;
		p:*) $modules_known && return 0
			command -v pkg-config >/dev/null 2>&1 &&
				pkg-config --exists "${place#p:}" && return 0 ;;
		f:*) # the pattern stays as it is when nothing matches
			for file in ${place#f:}; do
				test -e "$file" && return 0
			done ;;
		esac
	done
	return 1
}

wanted=" $* "
modules=
while read -r group places _; do
	case $wanted in *" ${group:-none} "*) ;; *) continue ;; esac
	case $places in p:*) first=${places%%,*}; modules="$modules ${first#p:}" ;; esac
done <<END
$table
END
if modules_all_there; then modules_known=true; else modules_known=false; fi

missing=
while read -r group places apt dnf pacman zypper; do
	case $wanted in *" ${group:-none} "*) ;; *) continue ;; esac
	is_there "$places" || missing="$missing$apt $dnf $pacman $zypper
"
done <<END
$table
END
test -n "$missing" || exit 0

for manager in apt-get dnf pacman zypper none; do
	command -v $manager >/dev/null 2>&1 && break
done
case $manager in
apt-get) column=1 ;; dnf) column=2 ;; pacman) column=3 ;; zypper) column=4 ;;
none)
	echo "deps: no package manager that is known here; please install what provides:" >&2
	printf '%s' "$missing" | awk '{ print "  " $1 }' >&2
	exit 1 ;;
esac

sudo=
test "$(id -u)" -eq 0 || sudo=sudo
words=$(printf '%s' "$missing" | awk -v c=$column '!seen[$c]++ { print $c }')
if test -n "$sudo" && ! command -v sudo >/dev/null 2>&1; then
	# shellcheck disable=SC2086 # one line of names, below as well
	echo "deps: there is no sudo; please have root install with $manager:" $words >&2
	exit 1
fi
# shellcheck disable=SC2086
echo "deps: installing with ${sudo:+sudo }$manager:" $words

packages=
first_known() # a/b/c: the first that apt knows, or the last
{
	rest=$1
	while :; do
		name=${rest%%/*}
		test "$name" = "$rest" && break
		apt-cache show "$name" >/dev/null 2>&1 && break
		rest=${rest#*/}
	done
	echo "$name"
}

case $manager in
apt-get)
	# one source that is out of reach need not be the one that matters
	$sudo apt-get -qq update || true
	for word in $words; do
		packages="$packages $(first_known "$word")"
	done
	# shellcheck disable=SC2086 # lists of words, below as well
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq -y \
		--no-install-recommends install $packages >/dev/null ;;
dnf) $sudo dnf -q -y install $words ;;
pacman) $sudo pacman -S --needed --noconfirm $words ;;
zypper) $sudo zypper -q --non-interactive install $words ;;
esac || { echo "deps: $manager could not install all of it" >&2; exit 1; }
