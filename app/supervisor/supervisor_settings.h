/* supervisor_settings.h - what a deployment can set about training-supervisor. */
#ifndef SUPERVISOR_SUPERVISOR_SETTINGS_H
#define SUPERVISOR_SUPERVISOR_SETTINGS_H

#include "base/settings.h"
#include "store/store.h"

struct supervisor_settings {
    char uri[SETTING_TEXT_MAX];
    char database[SETTING_TEXT_MAX];
    int64_t connect_ms;
    int64_t socket_ms;
    char url[SETTING_TEXT_MAX];       /* where the trainer logs */
    char trainer[SETTING_TEXT_MAX];   /* its command: words, see words.h */
    char scenarios[SETTING_TEXT_MAX]; /* folder */
    char models[SETTING_TEXT_MAX];    /* folder */
    char folder[SETTING_TEXT_MAX];    /* the supervisor's own; the trainer starts in it */
    char log[SETTING_TEXT_MAX];       /* file of what the trainer prints */
    int64_t log_max;                  /* bytes of it, before a new one is begun */
    int64_t poll_ms;
    int64_t lease_ms;
    int64_t start_ms;
    int64_t ask_ms;
    int64_t term_ms;
};

extern const struct setting supervisor_setting_rows[];
extern const size_t supervisor_setting_count;

/* The table read from environment and file (NULL: none). False with a sentence in fault. */
bool supervisor_settings_read(const char *file, struct supervisor_settings *settings, char *fault,
                              size_t fault_size);

/* The part that the store needs; borrows from settings. */
struct store_settings supervisor_settings_store(const struct supervisor_settings *settings);

#endif
