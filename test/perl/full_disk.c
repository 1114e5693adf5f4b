/*-------------------------------------------------------------------------
 *
 * full_disk.c
 *	  A disk that can be full, for tests that run as an ordinary user.
 *
 * Preloaded into a server, it lets files below the folder OMEN_DISK_FOLDER
 * grow by as many bytes as the file OMEN_DISK_FREE says, a 64-bit number in
 * the machine's order; then growing fails as it does on a full disk, after a
 * part that still found room.  Space of files that go is not given back.  A
 * second number says how much room there is after the first failure, as if
 * somebody else had removed something: so that no failure hides behind another.
 *
 *-------------------------------------------------------------------------
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* What a file system hands out at a time: less than a page of PostgreSQL's. */
#define DISK_BLOCK 4096

static const char *folder;
static _Atomic int64_t *disk_free;

static __attribute__((constructor)) void
attach(void)
{
	const char *path = getenv("OMEN_DISK_FREE");
	int			fd = path == NULL ? -1 : open(path, O_RDWR);
	void	   *map;

	if (fd < 0)
		return;
	map = mmap(NULL, 2 * sizeof(int64_t), PROT_READ | PROT_WRITE, MAP_SHARED,
			   fd, 0);
	close(fd);
	if (map == MAP_FAILED)
		return;
	disk_free = map;
	/* a copy, since the server writes its title over its environment */
	path = getenv("OMEN_DISK_FOLDER");
	folder = path == NULL ? NULL : strdup(path);
}

/* By how much a file on the disk would grow. */
static int64_t
growth(int fd, int64_t end)
{
	char		link[64];
	char		path[4096];
	struct stat status;
	ssize_t		length;

	if (folder == NULL || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) ||
		end <= status.st_size)
		return 0;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, path, sizeof(path) - 1);
	if (length < 0 || strncmp(path, folder, strlen(folder)) != 0)
		return 0;
	return end - status.st_size;
}

/* Take space; if there is not enough, take nothing and say what there is. */
static int64_t
take(int64_t wanted)
{
	int64_t		now = atomic_load(disk_free);

	do
	{
		if (now < wanted)
		{
			int64_t		more = atomic_exchange(&disk_free[1], 0);

			if (more > 0)
				atomic_store(disk_free, more);
			return now;
		}
	} while (!atomic_compare_exchange_weak(disk_free, &now, now - wanted));
	return wanted;
}

ssize_t
pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
	ssize_t (*real)(int, const void *, size_t, off64_t) =
		dlsym(RTLD_NEXT, "pwrite64");
	int64_t		wanted = growth(fd, offset + (int64_t) size);
	int64_t		got = wanted > 0 ? take(wanted) : 0;

	if (got < wanted)
	{
		/* the part that has room; none if the file would begin with a gap */
		got -= got % DISK_BLOCK;
		if ((int64_t) size <= wanted - got || take(got) < got)
		{
			errno = ENOSPC;
			return -1;
		}
		size -= (size_t) (wanted - got);
		errno = 0;
	}
	return real(fd, data, size, offset);
}

/* As what shared memory in files is made with. */
ssize_t
write(int fd, const void *data, size_t size)
{
	ssize_t (*real)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
	off64_t		at = folder == NULL ? -1 : lseek64(fd, 0, SEEK_CUR);
	int64_t		wanted = at < 0 ? 0 : growth(fd, at + (int64_t) size);

	if (wanted > 0 && take(wanted) < wanted)
	{
		errno = ENOSPC;
		return -1;
	}
	return real(fd, data, size);
}

ssize_t
pwrite(int fd, const void *data, size_t size, off_t offset)
{
	return pwrite64(fd, data, size, offset);
}

ssize_t
pwritev64(int fd, const struct iovec *parts, int count, off64_t offset)
{
	ssize_t (*real)(int, const struct iovec *, int, off64_t) =
		dlsym(RTLD_NEXT, "pwritev64");
	int64_t		wanted;
	int64_t		size = 0;

	for (int i = 0; i < count; i++)
		size += (int64_t) parts[i].iov_len;
	wanted = growth(fd, offset + size);
	if (wanted > 0 && take(wanted) < wanted)
	{
		errno = ENOSPC;
		return -1;
	}
	return real(fd, parts, count, offset);
}

ssize_t
pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
	return pwritev64(fd, parts, count, offset);
}

int
posix_fallocate64(int fd, off64_t offset, off64_t size)
{
	int (*real)(int, off64_t, off64_t) = dlsym(RTLD_NEXT, "posix_fallocate64");
	int64_t		wanted = growth(fd, offset + size);

	if (wanted > 0 && take(wanted) < wanted)
		return ENOSPC;
	return real(fd, offset, size);
}

int
posix_fallocate(int fd, off_t offset, off_t size)
{
	return posix_fallocate64(fd, offset, size);
}
