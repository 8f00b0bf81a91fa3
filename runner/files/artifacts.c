#include "files/artifacts.h"

#include "close_fd.h"
#include "files/job_files.h"
#include "files/glob.h"
#include "usage/monotonic.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 8 * 256, DEPTH_MAX = 8 };

static const uint64_t SEARCH_MAX_NS = 2ull * NS_PER_S; /* bounds the search if the program left very many files */

static bool patterns_are_valid(const struct artifacts *artifacts)
{
    for (unsigned i = 0; i < artifacts->pattern_count; i++) {
        size_t length = strlen(artifacts->patterns[i]);
        if (length == 0 || length > GLOB_PATTERN_MAX)
            return false;
    }
    return artifacts->files_max > 0 && artifacts->files_max <= ARTIFACT_FILES_MAX;
}

const char *artifacts_decode(struct artifacts *artifacts, const struct frame *frame)
{
    if (artifacts->pattern_count > 0)
        return "COLLECT twice";
    unsigned char *copy = malloc(frame->length + 1);
    if (copy == NULL)
        return "no memory for COLLECT";
    memcpy(copy, frame->payload, frame->length);
    struct cursor cursor = {copy, frame->length, false};
    artifacts->files_max = (unsigned)take_uint(&cursor, 1);
    artifacts->bytes_max = take_uint(&cursor, 8);
    unsigned count = (unsigned)take_uint(&cursor, 1);
    if (count == 0 || count > ARTIFACT_PATTERNS_MAX)
        return "malformed COLLECT";
    for (unsigned i = 0; i < count && !cursor.broken; i++)
        artifacts->patterns[i] = take_string(&cursor);
    if (cursor.broken || cursor.left > 0)
        return "malformed COLLECT";
    artifacts->pattern_count = count;
    return patterns_are_valid(artifacts) ? NULL : "malformed COLLECT";
}

static bool matches_any_pattern(const struct artifacts *artifacts, const char *path)
{
    for (unsigned i = 0; i < artifacts->pattern_count; i++)
        if (glob_matches(artifacts->patterns[i], path))
            return true;
    return false;
}

static void drop_last(struct artifacts *artifacts)
{
    free(artifacts->found[--artifacts->found_count].path);
    artifacts->incomplete = true;
}

/* Inserts in sorted order, so that the result does not depend on the order of the directory. */
static void insert(struct artifacts *artifacts, const char *path, uint64_t bytes)
{
    struct artifact new = {strdup(path), bytes};
    if (new.path == NULL) {
        artifacts->incomplete = true;
        return;
    }
    unsigned at = artifacts->found_count++;
    for (; at > 0 && strcmp(artifacts->found[at - 1].path, path) > 0; at--)
        artifacts->found[at] = artifacts->found[at - 1];
    artifacts->found[at] = new;
    if (artifacts->found_count > artifacts->files_max)
        drop_last(artifacts);
}

static void search_folder(struct artifacts *artifacts, const char *path, unsigned depth, uint64_t deadline_ns);

/* Symbolic links are ignored, so that nothing outside the folder is reachable. */
static void search_entry(struct artifacts *artifacts, const char *path, unsigned depth, uint64_t deadline_ns)
{
    struct stat status;
    if (fstatat(artifacts->root_fd, path, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return;
    if (S_ISDIR(status.st_mode))
        search_folder(artifacts, path, depth + 1, deadline_ns);
    else if (S_ISREG(status.st_mode) && matches_any_pattern(artifacts, path)) {
        if ((uint64_t)status.st_size > artifacts->bytes_max)
            artifacts->incomplete = true;
        else
            insert(artifacts, path, (uint64_t)status.st_size);
    }
}

static void search_folder(struct artifacts *artifacts, const char *path, unsigned depth, uint64_t deadline_ns)
{
    if (depth >= DEPTH_MAX)
        return;
    int fd = openat(artifacts->root_fd, *path == '\0' ? "." : path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        char inner[PATH_BYTES];
        if (monotonic_ns() > deadline_ns) {
            artifacts->incomplete = true;
            break;
        }
        int length = snprintf(inner, sizeof inner, "%s%s%s", path, *path == '\0' ? "" : "/", entry->d_name);
        if (length < (int)sizeof inner && strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            search_entry(artifacts, inner, depth, deadline_ns);
    }
    if (folder != NULL)
        closedir(folder);
}

/* Keeps files in the order of their paths while they fit. A file that does not fit is skipped; smaller ones may follow. */
static void keep_files_that_fit(struct artifacts *artifacts)
{
    uint64_t remaining = artifacts->bytes_max;
    unsigned kept = 0;
    for (unsigned i = 0; i < artifacts->found_count; i++) {
        struct artifact artifact = artifacts->found[i];
        if (artifact.bytes > remaining) {
            free(artifact.path);
            artifacts->incomplete = true;
            continue;
        }
        remaining -= artifact.bytes;
        artifacts->found[kept++] = artifact;
    }
    artifacts->found_count = kept;
}

bool artifacts_find(struct artifacts *artifacts, int root_fd)
{
    if (artifacts->pattern_count == 0)
        return false;
    artifacts->root_fd = root_fd;
    artifacts->fd = -1;
    search_folder(artifacts, "", 0, monotonic_ns() + SEARCH_MAX_NS);
    keep_files_that_fit(artifacts);
    return artifacts->found_count > 0;
}

static bool open_artifact(struct artifacts *artifacts, const struct artifact *artifact)
{
    artifacts->fd = openat(artifacts->root_fd, artifact->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    return artifacts->fd >= 0;
}

static void announce(struct outbox *outbox, const struct artifact *artifact)
{
    unsigned char payload[8 + PATH_BYTES];
    size_t path_bytes = strlen(artifact->path) + 1;
    memcpy(put_uint(payload, artifact->bytes, 8), artifact->path, path_bytes);
    outbox_put(outbox, FRAME_ARTIFACT, payload, 8 + path_bytes, SEND_AT_ONCE);
}

/* A file without read permission is not included. */
static void start_next(struct artifacts *artifacts, struct outbox *outbox)
{
    const struct artifact *artifact = &artifacts->found[artifacts->sent_count++];
    if (!open_artifact(artifacts, artifact)) {
        artifacts->incomplete = true;
        return;
    }
    announce(outbox, artifact);
    artifacts->remaining = artifact->bytes;
    if (artifacts->remaining == 0)
        close_fd(&artifacts->fd);
}

static bool send_some(struct artifacts *artifacts, struct outbox *outbox)
{
    size_t room = outbox_output_room(outbox);
    size_t length = artifacts->remaining < room ? (size_t)artifacts->remaining : room;
    ssize_t got = read(artifacts->fd, outbox_output_buffer(outbox), length);
    if (got <= 0)
        return false;
    outbox_output_commit(outbox, FRAME_ARTIFACT_DATA, (size_t)got, SEND_AT_ONCE);
    artifacts->remaining -= (uint64_t)got;
    if (artifacts->remaining == 0)
        close_fd(&artifacts->fd);
    return true;
}

bool artifacts_forward(struct artifacts *artifacts, struct outbox *outbox, const char **fault)
{
    while (*fault == NULL && outbox_output_room(outbox) > 0) {
        if (artifacts->remaining == 0 && artifacts->sent_count == artifacts->found_count)
            return true;
        if (artifacts->remaining == 0)
            start_next(artifacts, outbox);
        else if (!send_some(artifacts, outbox))
            *fault = "an artifact cannot be read to its end";
    }
    return false;
}
