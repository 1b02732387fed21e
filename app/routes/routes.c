/* routes.c - every URL this program answers, in one table. Next: the handler's own file. */
#include "route_private.h"

#include "base/auto.h"
#include "base/meter.h"

#define V1 "/api/v1/training"
#define RUNS "/api/training-runs"
#define CONTROL "/api/training"

/* clang-format off */
const struct route routes[] = {
    /* method     pattern                            scope        body               size         handler */
    /* seeds 000 and 001: route_run.c, route_run_list.c, route_episode.c, route_curve.c, route_compare.c */
    {HTTP_POST,  V1 "/runs",                         SCOPE_WRITE, HTTP_BODY_JSON,    ROUTE_BODY,  route_run_create},
    {HTTP_GET,   V1 "/runs",                         SCOPE_READ,  HTTP_BODY_IGNORED, ROUTE_BODY,  route_run_list},
    {HTTP_GET,   V1 "/runs/:run_id",                 SCOPE_READ,  HTTP_BODY_IGNORED, ROUTE_BODY,  route_run_show},
    {HTTP_POST,  V1 "/runs/:run_id/complete",        SCOPE_WRITE, HTTP_BODY_IGNORED, ROUTE_BODY,  route_run_complete},
    {HTTP_POST,  V1 "/runs/:run_id/episodes",        SCOPE_WRITE, HTTP_BODY_JSON,    ROUTE_BODY,  route_episode_report},
    {HTTP_POST,  V1 "/runs/:run_id/episodes/batch",  SCOPE_WRITE, HTTP_BODY_JSON,    ROUTE_BATCH, route_episode_report_batch},
    {HTTP_GET,   V1 "/runs/:run_id/learning-curve",  SCOPE_READ,  HTTP_BODY_IGNORED, ROUTE_BODY,  route_curve_show},
    {HTTP_GET,   V1 "/compare",                      SCOPE_READ,  HTTP_BODY_IGNORED, ROUTE_BODY,  route_compare_show},

    /* names of /api/training-runs that are no run's: before /:run_id, which would match them */
    {HTTP_GET,   RUNS "/benchmark",                  SCOPE_READ,  HTTP_BODY_IGNORED, ROUTE_BODY,  route_benchmark_show},

    /* seed 004: route_training_run.c, route_training_run_list.c, route_episode.c */
    {HTTP_GET,   RUNS "/agents/list",                SCOPE_READ,  HTTP_BODY_IGNORED, ROUTE_BODY,  route_agent_list},
    {HTTP_GET,   RUNS,                               SCOPE_READ,  HTTP_BODY_IGNORED, ROUTE_BODY,  route_training_run_list},
    {HTTP_POST,  RUNS,                               SCOPE_WRITE, HTTP_BODY_JSON,    ROUTE_BODY,  route_training_run_create},
    {HTTP_GET,   RUNS "/:run_id",                    SCOPE_READ,  HTTP_BODY_IGNORED, ROUTE_BODY,  route_training_run_show},
    {HTTP_PATCH, RUNS "/:run_id",                    SCOPE_WRITE, HTTP_BODY_JSON,    ROUTE_BODY,  route_training_run_change},
    {HTTP_POST,  RUNS "/:run_id/episodes",           SCOPE_WRITE, HTTP_BODY_JSON,    ROUTE_BATCH, route_episode_log},
    {HTTP_POST,  RUNS "/:run_id/checkpoints",        SCOPE_WRITE, HTTP_BODY_JSON,    ROUTE_BODY,  route_checkpoint_log},

    /* seed 004: route_training_run_delete.c, route_audit.c */
    {HTTP_DELETE, RUNS "/:run_id",                   SCOPE_WRITE, HTTP_BODY_IGNORED, ROUTE_BODY,  route_training_run_delete},
    {HTTP_POST,  RUNS "/:run_id/restore",            SCOPE_WRITE, HTTP_BODY_IGNORED, ROUTE_BODY,  route_training_run_restore},
    {HTTP_GET,   "/api/audit",                       SCOPE_ADMIN, HTTP_BODY_IGNORED, ROUTE_BODY,  route_audit_list},

    /* seed 004: route_episode_list.c, route_gap.c */
    {HTTP_GET,   RUNS "/:run_id/episodes",           SCOPE_READ,  HTTP_BODY_IGNORED, ROUTE_BODY,  route_episode_list},
    {HTTP_GET,   RUNS "/:run_id/gaps",               SCOPE_READ,  HTTP_BODY_IGNORED, ROUTE_BODY,  route_gap_list},

    /* evaluations of a run: route_evaluation.c */
    {HTTP_GET,   RUNS "/:run_id/evaluations",        SCOPE_READ,  HTTP_BODY_IGNORED, ROUTE_BODY,  route_evaluation_list},
    {HTTP_POST,  RUNS "/:run_id/evaluations",        SCOPE_WRITE, HTTP_BODY_JSON,    ROUTE_BODY,  route_evaluation_log},

    /* seed 004, downloads: route_export.c */
    {HTTP_GET,   RUNS "/:run_id/export",             SCOPE_READ,  HTTP_BODY_IGNORED, ROUTE_BODY,  route_export_show},

    /* who may call: route_key.c, route_session.c */
    {HTTP_GET,    "/api/keys",                       SCOPE_ADMIN, HTTP_BODY_IGNORED, ROUTE_BODY,  route_key_list},
    {HTTP_POST,   "/api/keys",                       SCOPE_ADMIN, HTTP_BODY_JSON,    ROUTE_BODY,  route_key_create},
    {HTTP_DELETE, "/api/keys/:key_id",               SCOPE_ADMIN, HTTP_BODY_IGNORED, ROUTE_BODY,  route_key_revoke},
    {HTTP_GET,    "/api/session",                    SCOPE_NONE,  HTTP_BODY_IGNORED, ROUTE_BODY,  route_session_show},
    {HTTP_POST,   "/api/session",                    SCOPE_NONE,  HTTP_BODY_JSON,    ROUTE_BODY,  route_session_create},
    {HTTP_DELETE, "/api/session",                    SCOPE_NONE,  HTTP_BODY_IGNORED, ROUTE_BODY,  route_session_delete},

    /* seed 003: route_control.c */
    {HTTP_POST,  CONTROL "/start",                   SCOPE_WRITE, HTTP_BODY_JSON,    ROUTE_BODY,  route_control_start},
    {HTTP_POST,  CONTROL "/stop",                    SCOPE_WRITE, HTTP_BODY_IGNORED, ROUTE_BODY,  route_control_stop},
    {HTTP_GET,   CONTROL "/status",                  SCOPE_READ,  HTTP_BODY_IGNORED, ROUTE_BODY,  route_control_status},
    {HTTP_GET,   CONTROL "/scenarios",               SCOPE_READ,  HTTP_BODY_IGNORED, ROUTE_BODY,  route_control_scenarios},

    /* operations: route_health.c */
    {HTTP_GET,   "/healthz",                         SCOPE_NONE,  HTTP_BODY_IGNORED, ROUTE_BODY,  route_health_live},
    {HTTP_GET,   "/readyz",                          SCOPE_NONE,  HTTP_BODY_IGNORED, ROUTE_BODY,  route_health_ready},

    /* what the service counts about itself: route_prometheus.c; nginx lets only this machine ask */
    {HTTP_GET,   "/metrics",                         SCOPE_NONE,  HTTP_BODY_IGNORED, ROUTE_BODY,  route_prometheus_show},
};
/* clang-format on */
const size_t routes_count = COUNT_OF(routes);

_Static_assert(COUNT_OF(routes) < METER_ROUTES_MAX, "every route has a place to be counted in");
