/* store_doctor_run.h - one run's header against its episodes; for app/store alone. */
#ifndef STORE_DOCTOR_RUN_H
#define STORE_DOCTOR_RUN_H

#include "base/auto.h"
#include "store/store_doctor.h"

struct examination {
    struct store *store;
    const struct store_doctor *doctor;
    struct store_doctor_counts *counts;
    struct api_error *err;
};

/* What is wrong with subject; counted and told. */
void examination_tell(const struct examination *on, const char *subject, bool mended,
                      const char *fmt, ...) __attribute__((format(printf, 4, 5)));

enum verdict {
    VERDICT_FAILED,  /* *err says why */
    VERDICT_CHANGED, /* others wrote meanwhile: nothing was told, look again */
    VERDICT_GIVEN,   /* told, and mended if so asked */
};

/* Judge the run of this header, as it was read just now. */
enum verdict doctor_judge_run(const struct examination *on, const bson_t *header,
                              const char *subject);

/* Episodes and blocks whose run is not there, and is not about to be purged. */
bool doctor_judge_orphans(const struct examination *on);

#endif
