/*
 * route_key.c - an account's API keys: /api/keys, for the scope admin. Called through routes.c.
 * Next: store/store_key.c, store/store_audit.c.
 */
#include "route_private.h"

#include "base/auto.h"
#include "base/json_text.h"
#include "store/store_audit.h"
#include "store/store_key.h"

#include <string.h>

void
route_write_scopes(struct json_out *json, unsigned scopes)
{
    json_out_array(json, "scopes");
    for (unsigned bit = 1; bit <= STORE_SCOPE_ADMIN; bit <<= 1)
        if ((scopes & bit) != 0)
            json_out_text(json, NULL, store_scope_name(bit));
    json_out_array_end(json);
}

/* The object stays open. */
static void
write_key(struct json_out *json, const struct store_key *key)
{
    json_out_object(json, NULL);
    json_out_text(json, "id", key->id);
    json_out_text(json, "name", key->name[0] == '\0' ? NULL : key->name);
    route_write_scopes(json, key->scopes);
    json_out_time(json, "created_at", key->created_ms);
    json_out_time(json, "revoked_at", key->revoked_ms);
}

static bool
list_key(const struct store_key *key, void *context)
{
    write_key(context, key);
    json_out_object_end(context);
    return true;
}

/* GET /api/keys: {"keys": […]}, oldest first, revoked ones too; never a key itself. */
bool
route_key_list(struct call *call, struct api_error *err)
{
    struct json_out json = http_reply_json(call->reply, 200);

    json_out_object(&json, NULL);
    json_out_array(&json, "keys");
    if (!store_key_list(call->store, call->account, list_key, &json, err))
        return false;
    json_out_array_end(&json);
    json_out_object_end(&json);
    return true;
}

/* A name is shown in tables and terminals: nothing in it may move the cursor. */
static bool
is_name(const char *text)
{
    if (text == NULL || strlen(text) >= STORE_KEY_NAME_SIZE)
        return false;
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            return false;
    return true;
}

static void
read_name(json_object *given, struct store_key *key, struct api_error *err)
{
    const char *text = json_text_string(given);

    if (given == NULL)
        return;
    if (is_name(text))
        strcpy(key->name, text);
    else
        api_fault(err, "name", "must be a text of at most %d bytes without control characters",
                  STORE_KEY_NAME_SIZE - 1);
}

/* The bits of an array of names; 0 when it is none, or a name is none of ours. */
static unsigned
scopes_of(json_object *array)
{
    unsigned scopes = 0;

    if (!json_object_is_type(array, json_type_array))
        return 0;
    for (size_t i = 0; i < json_object_array_length(array); i++) {
        const char *name = json_text_string(json_object_array_get_idx(array, i));
        const unsigned bit = name == NULL ? 0 : store_scope_of(name);

        if (bit == 0)
            return 0;
        scopes |= bit;
    }
    return scopes;
}

static void
read_scopes(json_object *given, struct store_key *key, struct api_error *err)
{
    if (given == NULL)
        return;
    key->scopes = scopes_of(given);
    if (key->scopes == 0)
        api_fault(err, "scopes", "must be an array of some of read, write, admin");
}

static bool
note(const struct call *call, const char *action, const struct store_key *key,
     struct api_error *err)
{
    AUTO_JSON *details = NULL;
    const struct store_author by = {.account = call->account,
                                    .actor = call->actor,
                                    .request_id = call->req->id,
                                    .now_ms = call->now_ms};
    struct store_audit_entry entry = {.by = by, .action = action, .subject = key->id};

    if (key->scopes != 0) {
        json_object *scopes = json_object_new_array();

        details = json_object_new_object();
        for (unsigned bit = 1; bit <= STORE_SCOPE_ADMIN; bit <<= 1)
            if ((key->scopes & bit) != 0)
                json_object_array_add(scopes, json_object_new_string(store_scope_name(bit)));
        json_object_object_add(details, "scopes", scopes);
        entry.details = details;
    }
    return store_audit_note(call->store, &entry, err);
}

/* POST /api/keys {name?, scopes?}: 201 with the key, which is shown this once. */
bool
route_key_create(struct call *call, struct api_error *err)
{
    struct store_key key = {.scopes = STORE_SCOPE_READ | STORE_SCOPE_WRITE};
    json_object *body = call->req->json;
    char text[STORE_KEY_TEXT_SIZE];
    struct json_out json;

    if (!json_object_is_type(body, json_type_object))
        return api_fault(err, "", "the body must be an object");
    read_name(json_object_object_get(body, "name"), &key, err);
    read_scopes(json_object_object_get(body, "scopes"), &key, err);
    if (err->id != API_OK)
        return false;
    strcpy(key.account, call->account);
    if (!store_key_create(call->store, &key, text, err))
        return false;
    json = http_reply_json(call->reply, 201);
    http_reply_no_store(call->reply);
    write_key(&json, &key);
    json_out_text(&json, "api_key", text);
    json_out_object_end(&json);
    explicit_bzero(text, sizeof text);
    return note(call, "key.create", &key, err);
}

/* DELETE /api/keys/{key_id}: 204, and again: 204. It stops working within 2 s everywhere. */
bool
route_key_revoke(struct call *call, struct api_error *err)
{
    struct store_key key = {.scopes = 0};
    int64_t matched, revoked;

    if (strlen(call->req->params[0]) >= sizeof key.id)
        return api_fail(err, API_KEY_NOT_FOUND, NULL);
    strcpy(key.id, call->req->params[0]);
    if (!store_key_revoke(call->store, key.id, call->account, &matched, &revoked, err))
        return false;
    if (matched == 0)
        return api_fail(err, API_KEY_NOT_FOUND, NULL);
    http_reply_empty(call->reply, 204);
    return revoked == 0 || note(call, "key.revoke", &key, err);
}
