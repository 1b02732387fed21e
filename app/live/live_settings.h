/* live_settings.h - what a deployment can set about training-live. */
#ifndef LIVE_SETTINGS_H
#define LIVE_SETTINGS_H

#include "live_hub.h"

#include "base/settings.h"

struct live_settings {
    char uri[SETTING_TEXT_MAX];
    char database[SETTING_TEXT_MAX];
    char socket[SETTING_TEXT_MAX];
    int64_t connect_ms;
    int64_t socket_ms;
    char anonymous[SETTING_TEXT_MAX];
    char origins[SETTING_TEXT_MAX];
    int64_t clients_max;
    int64_t runs_max;
    int64_t outbox_max;  /* bytes */
    int64_t message_max; /* bytes */
    int64_t stall_ms;
    int64_t ping_ms;
    int64_t pong_ms;
    int64_t greet_ms;
    int64_t beat_ms;
    int64_t queue_max; /* bytes */
    int64_t stop_ms;
};

extern const struct setting live_setting_rows[];
extern const size_t live_setting_count;

/* The table read from environment and file (NULL: none). False with a sentence in fault. */
bool live_settings_read(const char *file, struct live_settings *settings, char *fault,
                        size_t fault_size);

/* The parts that the store and the hub need; both borrow from settings. */
struct store_settings live_settings_store(const struct live_settings *settings);
struct live_limits live_settings_limits(const struct live_settings *settings);

#endif
