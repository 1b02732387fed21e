/* run_json.c - a run as clients see it. Called by the routes. Next: http/http_reply.c. */
#include "training/run.h"

static void
write_planned(const struct run *run, struct json_out *json)
{
    if (run->episodes_total == 0)
        json_out_null(json, "episodes_total");
    else
        json_out_whole(json, "episodes_total", run->episodes_total);
}

static void
write_life(const struct run *run, bool stale, struct json_out *json)
{
    json_out_time(json, "last_reported_at", run->reported_ms);
    json_out_bool(json, "stale", stale);
}

void
run_write_names(const struct run *run, bool stale, struct json_out *json)
{
    json_out_text(json, "run_id", run->id);
    json_out_text(json, "status", run_status_name(run->status));
    json_out_raw(json, "config", run->config_json);
    json_out_text(json, "strategy_id", run->strategy_id);
    json_out_text(json, "strategy_label", run->strategy_label);
    json_out_text(json, "agent_id", run->agent_id);
    json_out_text(json, "algorithm", run->algorithm);
    write_planned(run, json);
    json_out_time(json, "started_at", run->started_ms);
    json_out_time(json, "completed_at", run->ended_ms);
    write_life(run, stale, json);
}

void
run_write_figures(const struct run_summary *summary, struct json_out *json)
{
    json_out_whole(json, "episodes_completed", summary->episodes);
    json_out_whole(json, "total_episodes", summary->episodes);
    json_out_real(json, "avg_roi_pct", summary->avg_roi_pct);
    json_out_real(json, "avg_sharpe", summary->avg_sharpe);
}

static void
write_tags(const struct run *run, struct json_out *json)
{
    json_out_array(json, "tags");
    for (size_t i = 0; i < run->tag_count; i++)
        json_out_text(json, NULL, run->tags[i]);
    json_out_array_end(json);
}

static void
write_checkpoints(const struct run *run, struct json_out *json)
{
    json_out_array(json, "checkpoint_paths");
    for (size_t i = 0; i < run->checkpoint_count; i++) {
        json_out_object(json, NULL);
        json_out_whole(json, "episode", run->checkpoints[i].episode);
        json_out_text(json, "path", run->checkpoints[i].path);
        json_out_object_end(json);
    }
    json_out_array_end(json);
}

void
run_write_document(const struct run *run, bool stale, struct json_out *json)
{
    json_out_text(json, "id", run->oid);
    json_out_text(json, "run_id", run->id);
    json_out_text(json, "agent_id", run->agent_id);
    json_out_text(json, "algorithm", run->algorithm);
    json_out_text(json, "status", run_status_name(run->status));
    json_out_time(json, "start_time", run->started_ms);
    json_out_time(json, "end_time", run->ended_ms);
    json_out_raw(json, "config", run->config_json);
    json_out_raw(json, "metadata", run->metadata_json == NULL ? "{}" : run->metadata_json);
    write_checkpoints(run, json);
    json_out_text(json, "strategy_id", run->strategy_id);
    json_out_text(json, "strategy_label", run->strategy_label);
    write_tags(run, json);
    json_out_text(json, "notes", run->notes);
    write_planned(run, json);
    write_life(run, stale, json);
}

void
run_write_summary(const struct run_summary *summary, struct json_out *json)
{
    json_out_object(json, "summary");
    json_out_whole(json, "episodes", summary->episodes);
    json_out_real(json, "avg_reward", summary->avg_reward);
    json_out_real(json, "max_reward", summary->max_reward);
    json_out_real(json, "min_reward", summary->min_reward);
    json_out_real(json, "final_win_rate", summary->final_win_rate);
    json_out_object_end(json);
}
