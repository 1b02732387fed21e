/*
 * admin_replica.c - the command replica init.
 * Called by main.c. Next: store/store_replica.c.
 */
#include "admin.h"

#include "store/store_replica.h"

#include <stdio.h>

#define WAIT_MS 30000
#define SOCKET_MS 5000

enum admin_exit
admin_replica_init(const struct admin_command *command, int argc, char **argv,
                   const struct admin_settings *settings)
{
    struct api_error err = {.id = API_OK};
    struct store *store;
    bool made, ok;

    if (argc != 1)
        return admin_usage(command, "this command takes no argument: %s", argv[1]);
    store = admin_open(settings, SOCKET_MS);
    if (store == NULL)
        return ADMIN_FAILED;
    ok = store_replica_init(store, WAIT_MS, &made, &err);
    store_close(store);
    if (!ok)
        return admin_fail(&err);
    printf("replica set %s: %s, takes writes\n", STORE_REPLICA_SET,
           made ? "initiated" : "already there");
    return ADMIN_OK;
}
