/* live_settings.c - the settings of training-live. Called by main.c. Next: base/settings.c. */
#include "live_settings.h"

#include "base/auto.h"

#define ROW struct live_settings

/* clang-format off */
const struct setting live_setting_rows[] = {
    SETTING_SECRET("MONGODB_URI", ROW, uri, 1, SETTING_TEXT_MAX - 1,
                   "mongodb://127.0.0.1:27017/?directConnection=true",
                   "The database, as a connection string"),
    SETTING_TEXT("MONGODB_DB_NAME", ROW, database, 1, 63, "training",
                 "The name of the database"),
    SETTING_TEXT("TRAINING_LIVE_SOCKET", ROW, socket, 1, 107, "/run/training/live.sock",
                 "The unix socket that nginx connects to; systemd's socket wins over it"),
    SETTING_WHOLE("TRAINING_DB_CONNECT_MS", ROW, connect_ms, 50, 10000, "500", "ms",
                  "How long a connection to the database may take"),
    SETTING_WHOLE("TRAINING_LIVE_DB_SOCKET_MS", ROW, socket_ms, 1001, 600000, "5000", "ms",
                  "How long a single operation of the database may hang"),
    SETTING_TEXT("TRAINING_ANONYMOUS_ACCOUNT", ROW, anonymous, 0, STORE_ACCOUNT_SIZE - 1, "",
                 "Whose events a client on loopback gets that sends no key; empty: a key is needed"),
    SETTING_TEXT("TRAINING_ORIGINS", ROW, origins, 0, SETTING_TEXT_MAX - 1, "",
                 "Web origins that may connect, separated by commas; empty: only its own"),
    SETTING_WHOLE("TRAINING_LIVE_CLIENTS_MAX", ROW, clients_max, 1, 100000, "10000", "clients",
                  "How many clients may be connected at the same time"),
    SETTING_WHOLE("TRAINING_LIVE_RUNS_MAX", ROW, runs_max, 1, 10000, "200", "runs",
                  "How many runs one client may listen to"),
    SETTING_WHOLE("TRAINING_LIVE_OUTBOX_MAX", ROW, outbox_max, 4096, 1073741824, "16777216",
                  "bytes",
                  "How much may wait for one client before it is dropped as too slow"),
    SETTING_WHOLE("TRAINING_LIVE_MESSAGE_MAX", ROW, message_max, 1024, 1048576, "65536", "bytes",
                  "The largest message that a client may send"),
    SETTING_WHOLE("TRAINING_LIVE_STALL_MS", ROW, stall_ms, 100, 600000, "10000", "ms",
                  "A client that takes nothing for so long while something waits is dropped"),
    SETTING_WHOLE("TRAINING_LIVE_PING_MS", ROW, ping_ms, 100, 600000, "25000", "ms",
                  "The time between two pings to a Socket.IO client"),
    SETTING_WHOLE("TRAINING_LIVE_PONG_MS", ROW, pong_ms, 100, 600000, "20000", "ms",
                  "A Socket.IO client whose answer to a ping takes longer is dropped"),
    SETTING_WHOLE("TRAINING_LIVE_GREET_MS", ROW, greet_ms, 100, 600000, "20000", "ms",
                  "A client that has not connected to a namespace within this time is dropped"),
    SETTING_WHOLE("TRAINING_LIVE_BEAT_MS", ROW, beat_ms, 100, 600000, "15000", "ms",
                  "A quiet event stream carries a comment so often, to keep it open"),
    SETTING_WHOLE("TRAINING_LIVE_QUEUE_MAX", ROW, queue_max, 65536, 1073741824, "16777216",
                  "bytes", "How much of the change stream may wait for the clients"),
    SETTING_WHOLE("TRAINING_LIVE_STOP_MS", ROW, stop_ms, 100, 8000, "3000", "ms",
                  "How long clients have to take the goodbye when the gateway stops"),
};
/* clang-format on */

const size_t live_setting_count = COUNT_OF(live_setting_rows);

bool
live_settings_read(const char *file, struct live_settings *settings, char *fault, size_t fault_size)
{
    return settings_read(live_setting_rows, live_setting_count, file, settings, fault, fault_size);
}

struct store_settings
live_settings_store(const struct live_settings *settings)
{
    return (struct store_settings){
        .uri = settings->uri,
        .database = settings->database,
        .connect_timeout_ms = settings->connect_ms,
        .socket_timeout_ms = settings->socket_ms,
    };
}

struct live_limits
live_settings_limits(const struct live_settings *settings)
{
    return (struct live_limits){
        .engine = {.ping_interval_ms = settings->ping_ms,
                   .ping_timeout_ms = settings->pong_ms,
                   .message_max = settings->message_max},
        .clients_max = (size_t)settings->clients_max,
        .runs_max = (size_t)settings->runs_max,
        .outbox_max = (size_t)settings->outbox_max,
        .stall_ms = settings->stall_ms,
        .greet_ms = settings->greet_ms,
        .beat_ms = settings->beat_ms,
        .anonymous = settings->anonymous,
        .origins = settings->origins,
    };
}
