# hotinject: one Makefile, read from top to bottom. `make help` lists the targets.
#
#   B=DIR      where everything that is built goes (default: build)
#   CC=...     the compiler                  V=1        show the commands
#   WERROR=1   warnings are errors           SAN=LIST   sanitizers for the tool and
#   PREFIX=    /usr/local    DESTDIR=                   the tests, never the shim

B       ?= build
PREFIX  ?= /usr/local
DESTDIR ?=
LIBDIR  ?= $(PREFIX)/lib/hotinject
MANDIR  ?= $(PREFIX)/share/man

ifeq ($(origin CC),default)
CC := gcc
endif
AR ?= ar

CFLAGS ?= -O2 -g
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -I. $(CFLAGS)
ifeq ($(WERROR),1)
ALL_CFLAGS += -Werror
endif
ifneq ($(SAN),)
SAN_FLAGS := -fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer
endif

Q := $(if $(filter 1,$(V)),,@)
say = $(if $(Q),@printf '  %-6s %s\n' $(1) $(2))

# pkg-config is asked when the first recipe needs it, once: it may have been
# installed by this very run.
TOOL_MODULES := libelf libdw capstone jansson libxxhash
TEST_MODULES := check
lazy = $(eval $(1) := $$(shell $(2)))$($(1))
TOOL_INC  = $(call lazy,TOOL_INC,pkg-config --cflags $(TOOL_MODULES))
TOOL_LIBS = $(call lazy,TOOL_LIBS,pkg-config --libs $(TOOL_MODULES))
TEST_INC  = $(call lazy,TEST_INC,pkg-config --cflags $(TEST_MODULES))
TEST_LIBS = $(call lazy,TEST_LIBS,pkg-config --libs $(TEST_MODULES))

TOOL_CFLAGS = $(ALL_CFLAGS) $(SAN_FLAGS) $(TOOL_INC) \
	-DHI_LIBDIR='"$(LIBDIR)"'
TEST_CFLAGS = $(TOOL_CFLAGS) $(TEST_INC)
# The shim runs inside somebody else's program: libc only, hidden by default,
# bound at once. No stack protector, because it may run on a thread before its
# canary is set up.
SHIM_CFLAGS = $(ALL_CFLAGS) -O2 -g -fPIC -fvisibility=hidden \
	-fno-stack-protector
SHIM_LDFLAGS = -shared -Wl,-soname,libhotinject.so \
	-Wl,--version-script=preload/shim.map -Wl,-z,now -Wl,-z,relro \
	-Wl,--no-undefined

# --- what there is to build ---------------------------------------------------

# Apart from the programs: one of them is called like a folder of sources.
objects = $(patsubst %,$(B)/obj/%.o,$(basename $(1)))

ELFSCAN_OBJ  := $(call objects,$(filter-out elfscan/main.c,\
	$(wildcard common/*.c elfscan/*.c)))
INJECTOR_OBJ := $(call objects,$(wildcard injector/*.c injector/*.S))
INNER_OBJ    := $(filter-out $(B)/obj/injector/main.o,$(INJECTOR_OBJ))
SCAN_OBJ     := $(call objects,elfscan/main.c)
SHIM_OBJ     := $(call objects,$(wildcard preload/*.c preload/*.S))

UNIT    := $(patsubst tests/unit/%.c,$(B)/tests/%,$(wildcard tests/unit/check_*.c))
# The tests of a module in common/ or elfscan/ link without the injector.
PURE    := $(filter $(patsubst %,$(B)/tests/check_%,\
	$(basename $(notdir $(wildcard common/*.h elfscan/*.h)))),$(UNIT))
# What the tests share: other files beside the unit tests, support*.c for the rest.
FIXTURE := $(call objects,tests/support_rights.c \
	$(filter-out tests/unit/check_% tests/unit/crashed.c,\
	$(wildcard tests/unit/*.c)))
CRASHED := $(call objects,tests/unit/crashed.c)
SUPPORT := $(call objects,$(wildcard tests/support*.c))
E2E     := $(patsubst tests/%.c,$(B)/tests/%,\
	$(filter-out tests/support%,$(wildcard tests/*.c)))

TOOL_ALL := $(ELFSCAN_OBJ) $(SCAN_OBJ) $(INJECTOR_OBJ)
TEST_ALL := $(call objects,$(wildcard tests/unit/*.c tests/*.c tests/fuzz/*.c))

.PHONY: all
all: $(B)/hotinject $(B)/libhotinject.so $(B)/elfscan ## build hotinject, its shim and elfscan

$(B)/libelfscan.a: $(ELFSCAN_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $(ELFSCAN_OBJ)

$(B)/hotinject: $(INJECTOR_OBJ) $(B)/libelfscan.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(SAN_FLAGS) $(LDFLAGS) -o $@ $^ $(TOOL_LIBS) -ldl

$(B)/elfscan: $(SCAN_OBJ) $(B)/libelfscan.a
	$(call say,LINK,$@)
	$(Q)test ! -d $@ || rm -r $@
	$(Q)$(CC) $(SAN_FLAGS) $(LDFLAGS) -o $@ $^ $(TOOL_LIBS) -ldl

$(B)/libhotinject.so: $(SHIM_OBJ) preload/shim.map
	$(call say,LINK,$@)
	$(Q)$(CC) $(SHIM_LDFLAGS) $(LDFLAGS) -o $@ $(SHIM_OBJ)

$(UNIT): $(B)/tests/%: $(B)/obj/tests/unit/%.o $(FIXTURE) $(B)/libelfscan.a
$(filter-out $(PURE),$(UNIT)): $(INNER_OBJ)
$(filter $(B)/tests/check_held_locks%,$(UNIT)): $(CRASHED)
$(E2E): $(B)/tests/%: $(B)/obj/tests/%.o $(SUPPORT)
$(UNIT) $(E2E):
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(SAN_FLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) \
		$(TEST_LIBS) $(TOOL_LIBS) -ldl -lutil

# --- objects ------------------------------------------------------------------

$(TOOL_ALL): FLAGS = $(TOOL_CFLAGS)
$(TEST_ALL): FLAGS = $(TEST_CFLAGS)
$(SHIM_OBJ): FLAGS = $(SHIM_CFLAGS)
$(TOOL_ALL) $(SHIM_OBJ): | deps
$(TEST_ALL): | deps-test

$(B)/obj/%.o: %.c $(B)/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(FLAGS) $(CPPFLAGS) -MMD -MP -c -o $@ $<

$(B)/obj/%.o: %.S $(B)/flags
	$(call say,AS,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(FLAGS) $(CPPFLAGS) -MMD -MP -c -o $@ $<

# Other flags than last time: everything is compiled anew.
$(B)/flags: FORCE
	@mkdir -p $(B)
	@echo '$(CC) $(ALL_CFLAGS) $(CPPFLAGS) $(SAN) $(LIBDIR)' | \
		cmp -s - $@ || \
	echo '$(CC) $(ALL_CFLAGS) $(CPPFLAGS) $(SAN) $(LIBDIR)' > $@

.PHONY: FORCE
FORCE:

-include $(patsubst %.o,%.d,$(TOOL_ALL) $(SHIM_OBJ) $(TEST_ALL))

# --- tests --------------------------------------------------------------------

# Without MAKEFLAGS: rustc and make in a test would look for this make's jobserver.
TEST_ENV = MAKEFLAGS= HOTINJECT=$(abspath $(B))/hotinject \
	HOTINJECT_BUILD=$(abspath $(B))

# The programs that take longest begin first. CHECK_JOBS=N: so many at a time.
check_all = $(TEST_ENV) scripts/check.sh \
	$(filter %/e2e_matrix,$(1)) $(filter %/e2e_stress,$(1)) \
	$(filter-out %/e2e_matrix %/e2e_stress,$(1))

.PHONY: check check-unit check-e2e check-hosts
check: all $(UNIT) $(E2E) | deps-test ## run every test (installs what they need first)
	@$(call check_all,$(E2E) $(UNIT))

check-unit: all $(UNIT) | deps-test ## run the tests of the modules
	@$(call check_all,$(UNIT))

check-e2e: all $(E2E) | deps-test ## run the tests with real hosts
	@$(call check_all,$(E2E))

check-hosts: all $(B)/tests/hosts_attached | deps-test deps-hosts ## attach to java, node and nginx, too (installs them)
	@$(TEST_ENV) HOTINJECT_TEST_MORE_HOSTS=1 $(B)/tests/hosts_attached

SOAK_SECONDS ?= 600
.PHONY: soak
soak: all $(B)/tests/e2e_soak | deps-test ## reloads, crashes, hangs at random (SOAK_SECONDS=600)
	@$(TEST_ENV) HOTINJECT_TEST_SOAK=$(SOAK_SECONDS) $(B)/tests/e2e_soak

# Everything anew with the fuzzer's instruments, in a folder of its own.
FUZZ_SECONDS ?= 60
.PHONY: fuzz fuzz-programs
fuzz: | deps-test ## look for input that a parser cannot stand (FUZZ_SECONDS=60 each)
	@$(MAKE) fuzz-programs B=$(B)/fuzz CC=clang SAN=fuzzer-no-link,address,undefined
	@scripts/fuzz.sh $(B)/fuzz $(FUZZ_SECONDS)

fuzz-programs: $(B)/elfscan $(B)/fuzz_library $(B)/fuzz_baseline $(B)/fuzz_control

$(B)/fuzz_control: $(call objects,injector/commands.c injector/message.c \
	injector/event.c injector/output.c)
$(B)/fuzz_%: $(B)/obj/tests/fuzz/fuzz_%.o $(B)/libelfscan.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(SAN_FLAGS) -fsanitize=fuzzer $(LDFLAGS) -o $@ $(filter %.o,$^) \
		$(filter %.a,$^) $(TOOL_LIBS) -ldl

# --- show ---------------------------------------------------------------------

.PHONY: demo play bench
demo: all ## see a running program take new code, in 20 seconds
	@MAKEFLAGS= HOTINJECT=$(abspath $(B))/hotinject examples/game/demo.sh

play: all ## the same with your own editor: change the game while it runs
	@MAKEFLAGS= HOTINJECT=$(abspath $(B))/hotinject examples/game/play.sh

bench: all ## print how fast it is
	@test ! -x bench/run.sh || $(TEST_ENV) bench/run.sh

# --- care ---------------------------------------------------------------------

.PHONY: lint format
lint: | deps-lint ## check format, includes, manual pages; clang-tidy, cppcheck
	@scripts/lint.sh

format: | deps-lint ## put every C file into shape
	@clang-format -i $$(git ls-files '*.c' '*.h')

# --- install ------------------------------------------------------------------

.PHONY: install uninstall clean
install: all ## install below PREFIX (and DESTDIR)
	install -D -m 755 $(B)/hotinject $(DESTDIR)$(PREFIX)/bin/hotinject
	install -D -m 755 $(B)/elfscan $(DESTDIR)$(PREFIX)/bin/elfscan
	install -D -m 644 $(B)/libhotinject.so $(DESTDIR)$(LIBDIR)/libhotinject.so
	install -D -m 644 man/hotinject.1 $(DESTDIR)$(MANDIR)/man1/hotinject.1
	install -D -m 644 man/elfscan.1 $(DESTDIR)$(MANDIR)/man1/elfscan.1
	install -D -m 644 man/hotinject.7 $(DESTDIR)$(MANDIR)/man7/hotinject.7

uninstall: ## take away what install put there
	rm -f $(DESTDIR)$(PREFIX)/bin/hotinject \
		$(DESTDIR)$(PREFIX)/bin/elfscan \
		$(DESTDIR)$(LIBDIR)/libhotinject.so \
		$(DESTDIR)$(MANDIR)/man1/hotinject.1 \
		$(DESTDIR)$(MANDIR)/man1/elfscan.1 \
		$(DESTDIR)$(MANDIR)/man7/hotinject.7
	-rmdir $(DESTDIR)$(LIBDIR)

clean: ## remove what was built
	rm -rf $(B)

.PHONY: deps deps-test deps-hosts deps-lint help
deps: ## install what the build lacks
	@scripts/deps.sh build
deps-test: | deps ## install what the tests lack
	@scripts/deps.sh unit test
deps-hosts: | deps ## install the hosts of make check-hosts
	@scripts/deps.sh hosts
deps-lint: | deps ## install what make lint lacks
	@scripts/deps.sh unit lint

help: ## this list
	@sed -n 's/^\([a-z][a-z0-9-]*\):.*## \(.*\)/  \1|\2/p' Makefile | \
		awk -F'|' '{ printf "%-14s %s\n", $$1, $$2 }'
