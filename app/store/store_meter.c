/*
 * store_meter.c - counts every command that the driver sends, and its time (MongoDB's Command
 * Monitoring). Called by store.c, store_fault.c. Next: base/meter.c.
 */
#include "store_private.h"

#include "base/meter.h"

/* Both events' context is the worker's seat. */
static void
command_succeeded(const mongoc_apm_command_succeeded_t *event)
{
    meter_command(mongoc_apm_command_succeeded_get_context(event),
                  mongoc_apm_command_succeeded_get_command_name(event),
                  mongoc_apm_command_succeeded_get_duration(event));
}

static void
command_failed(const mongoc_apm_command_failed_t *event)
{
    meter_command(mongoc_apm_command_failed_get_context(event),
                  mongoc_apm_command_failed_get_command_name(event),
                  mongoc_apm_command_failed_get_duration(event));
}

void
store_meter_watch(mongoc_client_t *client, struct meter_seat *seat)
{
    mongoc_apm_callbacks_t *callbacks;

    if (seat == NULL)
        return;
    callbacks = mongoc_apm_callbacks_new();
    mongoc_apm_set_command_succeeded_cb(callbacks, command_succeeded);
    mongoc_apm_set_command_failed_cb(callbacks, command_failed);
    mongoc_client_set_apm_callbacks(client, callbacks, seat);
    mongoc_apm_callbacks_destroy(callbacks);
}

void
store_meter_fault(struct meter_seat *seat, enum api_error_id id)
{
    if (id == API_STORE_BUSY)
        meter_fault(seat, METER_BUSY);
    else if (id == API_STORE_FULL)
        meter_fault(seat, METER_FULL);
    else if (id == API_INTERNAL)
        meter_fault(seat, METER_INTERNAL);
    else
        meter_fault(seat, METER_UNAVAILABLE);
}
