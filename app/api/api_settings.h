/* api_settings.h - what a deployment can set about training-api. */
#ifndef API_API_SETTINGS_H
#define API_API_SETTINGS_H

#include "base/settings.h"
#include "http/http_route.h"
#include "store/store.h"

struct api_settings {
    char uri[SETTING_TEXT_MAX];
    char database[SETTING_TEXT_MAX];
    char socket[SETTING_TEXT_MAX];
    int64_t workers;
    int64_t worker_requests; /* a worker leaves after so many */
    int64_t stop_ms;
    int64_t stall_ms;
    int64_t connect_ms;
    int64_t socket_ms;
    char anonymous[SETTING_TEXT_MAX];
    char origins[SETTING_TEXT_MAX];
    int64_t write_rate; /* requests a second; 0: as many as come */
    int64_t session_s;
    int64_t stale_after_s;
    int64_t body_max;           /* bytes */
    int64_t batch_body_max;     /* bytes */
    int64_t config_max;         /* bytes */
    int64_t batch_episodes_max; /* episodes */
    int64_t retention_s;        /* of deleted runs */
    int64_t sweep_s;            /* between two looks for runs to purge */
    int64_t start_wait_ms;      /* of POST /api/training/start */
    int64_t stop_wait_ms;       /* of POST /api/training/stop */
};

#define API_WORKERS_MAX 512

extern const struct setting api_setting_rows[];
extern const size_t api_setting_count;

/* The table read from environment and file (NULL: none). False with a sentence in fault. */
bool api_settings_read(const char *file, struct api_settings *settings, char *fault,
                       size_t fault_size);

/* The parts that the store and the routes need; both borrow from settings. */
struct store_settings api_settings_store(const struct api_settings *settings);
struct route_limits api_settings_limits(const struct api_settings *settings);

#endif
