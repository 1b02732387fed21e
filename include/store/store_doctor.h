/*
 * store_doctor.h - looks for what must not be: headers out of step with their episodes, episodes
 * of no run, runs that never ended. Safe beside a running service: a run that is written while it
 * is looked at is looked at again, and nothing is changed but what is as it was when it was judged.
 */
#ifndef STORE_STORE_DOCTOR_H
#define STORE_STORE_DOCTOR_H

#include "store/store.h"

struct store_doctor_counts {
    int64_t total; /* runs to look at; 0: not known */
    int64_t runs;
    int64_t busy; /* runs that changed each time they were looked at: not judged */
    int64_t episodes;
    int64_t findings;
    int64_t mended; /* of the findings */
};

/* One finding: about "run local/run-1", what is wrong, and whether it has been mended. Borrowed. */
typedef void store_doctor_tell(const char *subject, const char *what, bool mended, void *context);

/* Called now and then, for a progress bar. */
typedef void store_doctor_step(const struct store_doctor_counts *counts, void *context);

struct store_doctor {
    const char *account; /* NULL: all, and what is no run's */
    bool mend;
    int64_t unended_after_ms; /* a running run unheard of for longer is a finding; 0: none is */
    bool end_unended;         /* with mend: such a run becomes failed */
    int64_t now_ms;
    store_doctor_tell *tell;
    store_doctor_step *step;
    void *context;
};

/*
 * Look at every run, and at every run's key among the episodes; counts go on from what they are.
 * Reads each episode once, in constant memory. Errors: STORE_UNAVAILABLE, STORE_FULL.
 */
bool store_doctor_examine(struct store *store, const struct store_doctor *doctor,
                          struct store_doctor_counts *counts, struct api_error *err);

#endif
