/*
 * store_run_search.c - the text that runs are searched in, and the filters of a list.
 * Called by store_run_list.c, store_run_doc.c. Next: schema/mongo/runs.json.
 */
#include "store_run_search.h"

#include "store_bson.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Each text stands after a NUL, which no text can hold, and a sign that tells tags from names:
 * NUL # tag NUL = run_id NUL = label NUL = agent NUL = algorithm NUL
 */
#define TAG_SIGN '#'
#define NAME_SIGN '='
#define TAG_STARTS "\\x00#"
#define TEXT_ENDS "\\x00"
#define NOT_A_SIGN "(?<!\\x00)"

/* ---- the text ---- */

static size_t
size_of(const char *text)
{
    return 2 + (text == NULL ? 0 : strlen(text));
}

static char *
add_text(char *at, char sign, const char *text)
{
    const size_t size = text == NULL ? 0 : strlen(text);

    *at++ = '\0';
    *at++ = sign;
    if (size > 0)
        memcpy(at, text, size);
    return at + size;
}

void
run_search_append(bson_t *doc, const struct run_texts *texts)
{
    const char *const names[] = {texts->id, texts->strategy_label, texts->agent_id,
                                 texts->algorithm};
    size_t size = 1;
    char *search, *end;

    for (size_t i = 0; i < texts->tag_count; i++)
        size += size_of(texts->tags[i]);
    for (size_t i = 0; i < COUNT_OF(names); i++)
        size += size_of(names[i]);
    search = end = malloc(size);
    if (search == NULL)
        abort(); /* out of memory ends the worker; the master starts another */
    for (size_t i = 0; i < texts->tag_count; i++)
        end = add_text(end, TAG_SIGN, texts->tags[i]);
    for (size_t i = 0; i < COUNT_OF(names); i++)
        end = add_text(end, NAME_SIGN, names[i]);
    *end = '\0';
    bson_append_utf8(doc, "search", -1, search, (int)size);
    free(search);
}

void
run_search_append_retagged(bson_t *doc, const struct run *run, const char *const *tags,
                           size_t tag_count)
{
    const struct run_texts texts = {
        run->id, run->strategy_label, run->agent_id, run->algorithm, tags, tag_count};

    run_search_append(doc, &texts);
}

/* ---- the filters ---- */

/* {search: /before text after/}, where text means itself. */
static void
append_pattern(bson_t *filter, const char *before, const char *text, const char *after,
               const char *options)
{
    bson_string_t *pattern = bson_string_new(before);

    for (; *text != '\0'; text++) {
        if (strchr("\\^$.|?*+()[]{}-/#", *text) != NULL)
            bson_string_append_c(pattern, '\\');
        bson_string_append_c(pattern, *text);
    }
    bson_string_append(pattern, after);
    BSON_APPEND_REGEX(filter, "search", pattern->str, options);
    bson_string_free(pattern, true);
}

/* Both may be asked for, and each is a condition of its own on one member. */
static void
append_patterns(bson_t *filter, const struct run_query *query)
{
    bson_t all, one;

    if (query->tag == NULL && query->text == NULL)
        return;
    BSON_APPEND_ARRAY_BEGIN(filter, "$and", &all);
    if (query->tag != NULL) {
        BSON_APPEND_DOCUMENT_BEGIN(&all, "0", &one);
        append_pattern(&one, TAG_STARTS, query->tag, TEXT_ENDS, "");
        bson_append_document_end(&all, &one);
    }
    if (query->text != NULL) {
        BSON_APPEND_DOCUMENT_BEGIN(&all, query->tag == NULL ? "0" : "1", &one);
        append_pattern(&one, NOT_A_SIGN, query->text, "", "i");
        bson_append_document_end(&all, &one);
    }
    bson_append_array_end(filter, &all);
}

void
run_search_filter(bson_t *filter, const char *account, const struct run_query *query)
{
    BSON_APPEND_UTF8(filter, "account", account);
    /* An index cannot tell null from absent, and would ask the document; that it is no date it can
     * tell. */
    BCON_APPEND(filter, "deleted_at", "{", "$not", "{", "$gte", BCON_DATE_TIME(0), "}", "}");
    if (query->status != RUN_STATUS_NONE)
        BSON_APPEND_UTF8(filter, "status", run_status_name(query->status));
    if (query->strategy_label != NULL)
        BSON_APPEND_UTF8(filter, "strategy_label", query->strategy_label);
    if (query->agent_id != NULL)
        BSON_APPEND_UTF8(filter, "agent_id", query->agent_id);
    append_patterns(filter, query);
}

void
run_search_append_times(bson_t *range, const struct run_query *query)
{
    if (query->since_ms != 0)
        BSON_APPEND_DATE_TIME(range, "$gte", query->since_ms);
    if (query->until_ms != 0)
        BSON_APPEND_DATE_TIME(range, "$lte", query->until_ms);
}

const char *
run_search_index(const struct run_query *query)
{
    if (query->agent_id != NULL)
        return "list_by_agent";
    if (query->strategy_label != NULL)
        return "list_by_label";
    if (query->status != RUN_STATUS_NONE)
        return "list_by_status";
    return "list_by_start";
}

static bool
filters(const struct run_query *query)
{
    return query->status != RUN_STATUS_NONE || query->strategy_label != NULL ||
           query->agent_id != NULL || query->tag != NULL || query->text != NULL;
}

void
run_search_count(bson_t *filter, const char *account, const struct run_query *query,
                 const char **index)
{
    if (filters(query)) {
        run_search_filter(filter, account, query);
        *index = run_search_index(query);
    } else { /* a count, and no more, of an index's one range: six times as quick */
        BSON_APPEND_UTF8(filter, "account", account);
        BSON_APPEND_NULL(filter, "deleted_at");
        *index = "by_account_newest";
    }
    if (query->since_ms != 0 || query->until_ms != 0) {
        bson_t range;

        BSON_APPEND_DOCUMENT_BEGIN(filter, "started_at", &range);
        run_search_append_times(&range, query);
        bson_append_document_end(filter, &range);
    }
}
