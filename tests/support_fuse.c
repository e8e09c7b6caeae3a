#include "tests/support_fuse.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { NODES_MAX = 200, READ_MAX = 1 << 17, IN_MAX = READ_MAX + 4096 };

/* A file that has been looked up; one that took its name's place is another. */
struct node {
	char name[256];
	ino_t ino;
};

struct server {
	int fd, folder;
	struct node nodes[NODES_MAX]; /* node 2 and on; 1 is the folder */
	size_t n;
};

static void reply(const struct server *server, uint64_t unique, int error,
		  const void *bytes, size_t len)
{
	struct fuse_out_header head = { (uint32_t)(sizeof(head) + len), error,
					unique };
	struct iovec parts[2] = { { &head, sizeof(head) },
				  { (void *)bytes, len } };

	/* whoever asked may have been killed */
	(void)!writev(server->fd, parts, len ? 2 : 1);
}

static int get_attributes(const struct server *server, const char *name,
			  struct fuse_attr *attr)
{
	struct stat st;

	if (fstatat(server->folder, name, &st, 0) < 0)
		return -errno;
	memset(attr, 0, sizeof(*attr));
	attr->ino = st.st_ino;
	attr->size = (uint64_t)st.st_size;
	attr->blocks = (uint64_t)st.st_blocks;
	attr->mtime = attr->atime = (uint64_t)st.st_mtim.tv_sec;
	attr->mtimensec = (uint32_t)st.st_mtim.tv_nsec;
	attr->ctime = (uint64_t)st.st_ctim.tv_sec;
	attr->ctimensec = (uint32_t)st.st_ctim.tv_nsec;
	attr->mode = st.st_mode;
	attr->nlink = (uint32_t)st.st_nlink;
	attr->uid = st.st_uid;
	attr->gid = st.st_gid;
	attr->blksize = 4096;
	return 0;
}

static const char *get_name(const struct server *server, uint64_t node)
{
	return node == FUSE_ROOT_ID ? "." : server->nodes[node - 2].name;
}

/* Nothing of the answers may be cached. */
static void look_up(struct server *server, uint64_t unique, const char *name)
{
	struct fuse_entry_out out = { 0 };
	int error = get_attributes(server, name, &out.attr);
	size_t i = 0;

	if (error) {
		reply(server, unique, error, NULL, 0);
		return;
	}
	while (i < server->n && (strcmp(server->nodes[i].name, name) != 0 ||
				 server->nodes[i].ino != out.attr.ino))
		i++;
	if (i == NODES_MAX)
		abort();
	if (i == server->n) {
		memcpy(server->nodes[i].name, name,
		       strnlen(name, sizeof(server->nodes[i].name) - 1));
		server->nodes[i].ino = out.attr.ino;
		server->n++;
	}
	out.nodeid = i + 2;
	reply(server, unique, 0, &out, sizeof(out));
}

static void read_file(const struct server *server, uint64_t unique,
		      const struct fuse_read_in *in)
{
	static char bytes[READ_MAX];
	ssize_t n = pread((int)in->fh, bytes,
			  in->size < READ_MAX ? in->size : READ_MAX,
			  (off_t)in->offset);

	reply(server, unique, n < 0 ? -errno : 0, bytes, n < 0 ? 0 : (size_t)n);
}

static void open_file(const struct server *server, uint64_t unique,
		      uint64_t node, int flags)
{
	struct fuse_open_out out = { 0 };
	int fd = openat(server->folder, get_name(server, node),
			flags | O_RDONLY | O_CLOEXEC);

	out.fh = (uint64_t)fd;
	reply(server, unique, fd < 0 ? -errno : 0, &out,
	      fd < 0 ? 0 : sizeof(out));
}

static void tell_attributes(const struct server *server, uint64_t unique,
			    uint64_t node)
{
	struct fuse_attr_out out = { 0 };
	int error = get_attributes(server, get_name(server, node), &out.attr);

	reply(server, unique, error, &out, error ? 0 : sizeof(out));
}

static void greet(const struct server *server, uint64_t unique)
{
	struct fuse_init_out out = { .major = FUSE_KERNEL_VERSION,
				     .minor = 23,
				     .max_readahead = READ_MAX,
				     .max_write = 4096 };

	/* as long as it was in version 7.23 */
	reply(server, unique, 0, &out, 64);
}

static void answer(struct server *server, const struct fuse_in_header *head,
		   const void *in)
{
	struct fuse_statfs_out mount = {
		.st = { .bsize = 4096, .frsize = 4096, .namelen = 255 }
	};

	switch (head->opcode) {
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
		return;
	case FUSE_INIT:
		greet(server, head->unique);
		return;
	case FUSE_LOOKUP:
		look_up(server, head->unique, in);
		return;
	case FUSE_GETATTR:
		tell_attributes(server, head->unique, head->nodeid);
		return;
	case FUSE_OPEN:
		open_file(server, head->unique, head->nodeid, 0);
		return;
	case FUSE_OPENDIR:
		open_file(server, head->unique, head->nodeid, O_DIRECTORY);
		return;
	case FUSE_READ:
		read_file(server, head->unique, in);
		return;
	case FUSE_RELEASE:
	case FUSE_RELEASEDIR:
		close((int)((const struct fuse_release_in *)in)->fh);
		reply(server, head->unique, 0, NULL, 0);
		return;
	case FUSE_STATFS:
		reply(server, head->unique, 0, &mount, sizeof(mount));
		return;
	default:
		reply(server, head->unique, -ENOSYS, NULL, 0);
	}
}

/* Until the mount is gone. */
_Noreturn static void serve(struct server *server)
{
	static _Alignas(8) char request[IN_MAX];
	struct fuse_in_header head;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		ssize_t n = read(server->fd, request, sizeof(request));

		if (n < 0 && errno == ENODEV)
			_exit(0);
		if (n < (ssize_t)sizeof(head))
			continue;
		memcpy(&head, request, sizeof(head));
		answer(server, &head, request + sizeof(head));
	}
}

bool support_fuse_mount(struct support *scene, const char *behind,
			const char *mounted)
{
	static struct server server;
	const char *place = support_path(scene, mounted);
	char options[100];
	pid_t pid;

	server.fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (server.fd < 0)
		return false;
	support_shell(scene, "mkdir %s %s", behind, mounted);
	server.folder = open(support_path(scene, behind),
			     O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(server.folder, 0);
	snprintf(options, sizeof(options),
		 "fd=%d,rootmode=40755,user_id=%u,group_id=%u", server.fd,
		 geteuid(), getegid());
	if (mount("none", place, "fuse.test", MS_NODEV | MS_NOSUID, options) <
	    0) {
		close(server.fd);
		close(server.folder);
		return false;
	}
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		serve(&server);
	close(server.fd);
	close(server.folder);
	return true;
}

void support_fuse_unmount(struct support *scene, const char *mounted)
{
	ck_assert_int_eq(umount2(support_path(scene, mounted), MNT_DETACH), 0);
}
