/*
 * store_import.c - where imported documents come from: a collection, or a file.
 * Called by app/admin/admin_import.c. Next: store_import_run.c.
 */
#include "store/store_import.h"

#include "store_bson.h"
#include "store_import_run.h"
#include "store_private.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DOCUMENTS_AT_ONCE 20 /* a reply of the server is at most 16 MiB anyway */

/* The next document, borrowed; NULL at the end, or when *err says why there is none. */
typedef const bson_t *next_document(void *source, struct api_error *err);

static void
tell_step(const struct importing *importing)
{
    importing->import->step(importing->counts, importing->import->context);
}

static bool
import_all(struct store *to, const struct store_import *import, struct store_import_counts *counts,
           next_document *next, void *source, struct api_error *err)
{
    struct importing importing = {.to = to, .import = import, .counts = counts};
    const bson_t *doc;
    bool good = true;

    importing.batch = calloc(1, sizeof *importing.batch);
    if (importing.batch == NULL)
        return api_fail(err, API_INTERNAL, "There is no memory for a batch of episodes");
    tell_step(&importing);
    while (good && (doc = next(source, err)) != NULL) {
        good = import_run(&importing, doc, err);
        tell_step(&importing);
    }
    free(importing.batch);
    return good && err->id == API_OK;
}

/* ---- from a collection ---- */

struct collection_source {
    struct store *store;
    mongoc_cursor_t *cursor;
};

static const bson_t *
next_of_collection(void *source, struct api_error *err)
{
    struct collection_source *from = source;
    const bson_t *doc;
    bson_error_t cause;

    if (mongoc_cursor_next(from->cursor, &doc))
        return doc;
    if (mongoc_cursor_error(from->cursor, &cause))
        store_fail(from->store, err, "read_source", &cause, NULL);
    return NULL;
}

/* Our own view shows runs in the same shape, but cut: it is no source. */
static bool
check_source(struct store *from, const char *collection, struct api_error *err)
{
    AUTO_BSON command = BSON_INITIALIZER;
    AUTO_BSON reply = BSON_INITIALIZER;
    bson_iter_t root, type;
    bson_error_t cause;

    BCON_APPEND(&command, "listCollections", BCON_INT32(1), "filter", "{", "name",
                BCON_UTF8(collection), "}", "nameOnly", BCON_BOOL(true));
    if (!store_command(from, &command, NULL, &reply, &cause))
        return store_fail(from, err, "look_at_source", &cause, &reply);
    if (!bson_iter_init(&root, &reply) ||
        !bson_iter_find_descendant(&root, "cursor.firstBatch.0.type", &type) ||
        !BSON_ITER_HOLDS_UTF8(&type))
        return api_fault(err, "collection", "there is no collection %.100s", collection);
    if (strcmp(bson_iter_utf8(&type, NULL), "collection") == 0)
        return true;
    return api_fault(err, "collection",
                     "%.60s is a view: the documents of 004's logger are in a collection",
                     collection);
}

bool
store_import_collection(struct store *from, const char *collection, struct store *to,
                        const struct store_import *import, struct store_import_counts *counts,
                        struct api_error *err)
{
    struct collection_source source = {.store = from};
    AUTO_BSON all = BSON_INITIALIZER;
    AUTO_BSON opts = BSON_INITIALIZER;
    mongoc_client_t *client = store_client(from, err);
    mongoc_collection_t *documents;
    bson_error_t cause;
    bool good;

    *counts = (struct store_import_counts){.total = 0};
    if (client == NULL || !check_source(from, collection, err))
        return false;
    documents = mongoc_client_get_collection(client, from->database, collection);
    counts->total = mongoc_collection_estimated_document_count(documents, NULL, NULL, NULL, &cause);
    if (counts->total < 0)
        counts->total = 0;
    BCON_APPEND(&opts, "sort", "{", "_id", BCON_INT32(1), "}", "batchSize",
                BCON_INT32(DOCUMENTS_AT_ONCE));
    source.cursor = mongoc_collection_find_with_opts(documents, &all, &opts, NULL);
    good = import_all(to, import, counts, next_of_collection, &source, err);
    mongoc_cursor_destroy(source.cursor);
    mongoc_collection_destroy(documents);
    return good;
}

/* ---- from a file ---- */

struct file_source {
    const char *path;
    bson_reader_t *bson; /* one of the two */
    bson_json_reader_t *json;
    bson_t doc; /* the last one of json */
};

/* A document that the end of the file cuts looks to libbson like the end itself. */
static bool
is_whole(const struct file_source *from)
{
    struct stat file;

    return stat(from->path, &file) == 0 && file.st_size == bson_reader_tell(from->bson);
}

static const bson_t *
next_of_bson(void *source, struct api_error *err)
{
    struct file_source *from = source;
    bool at_end = false;
    const bson_t *doc = bson_reader_read(from->bson, &at_end);

    if (doc == NULL && !(at_end && is_whole(from)))
        api_fault(err, "file", "it is damaged, or no BSON, from byte %lld on",
                  (long long)bson_reader_tell(from->bson));
    return doc;
}

static const bson_t *
next_of_json(void *source, struct api_error *err)
{
    struct file_source *from = source;
    bson_error_t cause;
    int read;

    bson_reinit(&from->doc);
    read = bson_json_reader_read(from->json, &from->doc, &cause);
    if (read < 0)
        api_fault(err, "file", "it is no Extended JSON: %.90s", cause.message);
    return read > 0 ? &from->doc : NULL;
}

static bool
ends_in(const char *path, const char *end)
{
    const size_t size = strlen(path), end_size = strlen(end);

    return size >= end_size && strcmp(path + size - end_size, end) == 0;
}

bool
store_import_file(const char *path, struct store *to, const struct store_import *import,
                  struct store_import_counts *counts, struct api_error *err)
{
    const bool is_bson = ends_in(path, ".bson");
    struct file_source source = {.path = path, .doc = BSON_INITIALIZER};
    bson_error_t cause;
    bool good;

    *counts = (struct store_import_counts){.total = 0};
    if (is_bson)
        source.bson = bson_reader_new_from_file(path, &cause);
    else
        source.json = bson_json_reader_new_from_file(path, &cause);
    if (source.bson == NULL && source.json == NULL)
        return api_fault(err, "file", "it cannot be read: %.90s", cause.message);
    good = import_all(to, import, counts, is_bson ? next_of_bson : next_of_json, &source, err);
    if (is_bson)
        bson_reader_destroy(source.bson);
    else
        bson_json_reader_destroy(source.json);
    bson_destroy(&source.doc);
    return good;
}
