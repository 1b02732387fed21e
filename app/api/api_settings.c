/* api_settings.c - the settings of training-api. Called by main.c, master.c. Next: base/settings.c.
 */
#include "api_settings.h"

#include "base/auto.h"
#include "base/rate.h"

#define ROW struct api_settings

/* clang-format off */
const struct setting api_setting_rows[] = {
    SETTING_SECRET("MONGODB_URI", ROW, uri, 1, SETTING_TEXT_MAX - 1,
                   "mongodb://127.0.0.1:27017/?directConnection=true",
                   "The database, as a connection string"),
    SETTING_TEXT("MONGODB_DB_NAME", ROW, database, 1, 63, "training",
                 "The name of the database"),
    SETTING_TEXT("TRAINING_API_SOCKET", ROW, socket, 1, 107, "/run/training/api.sock",
                 "The unix socket that nginx connects to; systemd's socket wins over it"),
    SETTING_WHOLE("TRAINING_API_WORKERS", ROW, workers, 1, API_WORKERS_MAX, "16", "workers",
                  "How many requests are served at the same time"),
    SETTING_WHOLE("TRAINING_API_WORKER_REQUESTS", ROW, worker_requests, 1, 1000000000, "100000",
                  "requests", "A worker is replaced by a fresh one after so many"),
    SETTING_WHOLE("TRAINING_API_STOP_MS", ROW, stop_ms, 100, 60000, "8000", "ms",
                  "How long a worker that is asked to leave may go on with its request"),
    SETTING_WHOLE("TRAINING_API_STALL_MS", ROW, stall_ms, 100, 600000, "10000", "ms",
                  "A request whose bytes stall for so long is cut"),
    SETTING_WHOLE("TRAINING_DB_CONNECT_MS", ROW, connect_ms, 50, 10000, "500", "ms",
                  "How long a connection to the database may take"),
    SETTING_WHOLE("TRAINING_DB_SOCKET_MS", ROW, socket_ms, 100, 600000, "1400", "ms",
                  "How long a single operation of the database may hang"),
    SETTING_TEXT("TRAINING_ANONYMOUS_ACCOUNT", ROW, anonymous, 0, ACCOUNT_NAME_MAX, "",
                 "Whose runs a client on loopback sees that sends no key; empty: a key is needed"),
    SETTING_TEXT("TRAINING_ORIGINS", ROW, origins, 0, SETTING_TEXT_MAX - 1, "",
                 "Web origins that may call the API, separated by commas; empty: only its own"),
    SETTING_WHOLE("TRAINING_WRITE_RATE", ROW, write_rate, 0, RATE_MAX, "2000", "requests",
                  "How many writes a second one key may make; 0: as many as it likes"),
    SETTING_WHOLE("TRAINING_SESSION_S", ROW, session_s, 60, 31536000, "604800", "s",
                  "How long a session of the dashboard lasts"),
    SETTING_WHOLE("TRAINING_STALE_AFTER_S", ROW, stale_after_s, 1, 31536000, "300", "s",
                  "A running run unheard of for so long reads \"stale\": true"),
    SETTING_WHOLE("TRAINING_BODY_MAX", ROW, body_max, 1024, 67108864, "1048576", "bytes",
                  "The largest body of a request"),
    SETTING_WHOLE("TRAINING_BATCH_BODY_MAX", ROW, batch_body_max, 1024, 67108864, "8388608",
                  "bytes", "The largest body of a batch of episodes"),
    SETTING_WHOLE("TRAINING_CONFIG_MAX", ROW, config_max, 2, 4194304, "262144", "bytes",
                  "The largest config of a run, as JSON text"),
    SETTING_WHOLE("TRAINING_BATCH_EPISODES_MAX", ROW, batch_episodes_max, 1, 10000, "1000",
                  "episodes", "The most episodes in one batch"),

    SETTING_WHOLE("TRAINING_RETENTION_S", ROW, retention_s, 0, 315360000, "2592000", "s",
                  "How long a deleted run can be restored before it is purged"),
    SETTING_WHOLE("TRAINING_SWEEP_S", ROW, sweep_s, 1, 86400, "60", "s",
                  "How often an idle worker looks for deleted runs whose time is over"),

    SETTING_WHOLE("TRAINING_START_WAIT_MS", ROW, start_wait_ms, 0, 10000, "2000", "ms",
                  "How long a start waits for training-supervisor to launch the trainer"),
    SETTING_WHOLE("TRAINING_STOP_WAIT_MS", ROW, stop_wait_ms, 0, 50000, "25000", "ms",
                  "How long a stop waits for the trainer to save and end"),

};
/* clang-format on */

const size_t api_setting_count = COUNT_OF(api_setting_rows);

bool
api_settings_read(const char *file, struct api_settings *settings, char *fault, size_t fault_size)
{
    return settings_read(api_setting_rows, api_setting_count, file, settings, fault, fault_size);
}

struct store_settings
api_settings_store(const struct api_settings *settings)
{
    return (struct store_settings){
        .uri = settings->uri,
        .database = settings->database,
        .connect_timeout_ms = settings->connect_ms,
        .socket_timeout_ms = settings->socket_ms,
    };
}

struct route_limits
api_settings_limits(const struct api_settings *settings)
{
    return (struct route_limits){
        .body_max = (size_t)settings->body_max,
        .batch_body_max = (size_t)settings->batch_body_max,
        .config_max = (size_t)settings->config_max,
        .batch_episodes_max = (size_t)settings->batch_episodes_max,
        .stale_after_ms = settings->stale_after_s * 1000,
        .retention_ms = settings->retention_s * 1000,
        .write_rate = settings->write_rate,
        .session_ms = settings->session_s * 1000,
        .start_wait_ms = settings->start_wait_ms,
        .stop_wait_ms = settings->stop_wait_ms,
        .anonymous = settings->anonymous,
        .origins = settings->origins,
    };
}
