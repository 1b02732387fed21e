/* gaps.c - the holes in a sequence of episode numbers. Called by routes/route_gap.c. */
#include "training/gaps.h"

void
gaps_add(struct gaps *gaps, int64_t number)
{
    if (number - gaps->last > 1) {
        json_out_array(gaps->json, NULL);
        json_out_whole(gaps->json, NULL, gaps->last + 1);
        json_out_whole(gaps->json, NULL, number - 1);
        json_out_array_end(gaps->json);
    }
    gaps->last = number;
}
