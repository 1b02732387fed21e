/*
 * live_room.c - rooms and the seats in them, found by account and run.
 * Called by live_hub.c. Next: live_client.c.
 */
#include "live_room.h"

#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

static struct live_room **
bucket_of(struct live_rooms *rooms, const char *account, const char *run_id)
{
    return &rooms->buckets[hash_text(hash_text(HASH_START, account), run_id) % LIVE_ROOM_BUCKETS];
}

struct live_room *
live_room_find(struct live_rooms *rooms, const char *account, const char *run_id)
{
    struct live_room *room = *bucket_of(rooms, account, run_id);

    while (room != NULL &&
           (strcmp(room->run_id, run_id) != 0 || strcmp(room->account, account) != 0))
        room = room->next;
    return room;
}

static struct live_room *
open_room(struct live_rooms *rooms, const char *account, const char *run_id)
{
    struct live_room **bucket = bucket_of(rooms, account, run_id);
    struct live_room *room = calloc(1, sizeof *room);

    if (room == NULL)
        return NULL;
    memcpy(room->account, account, strnlen(account, LIVE_NAME_SIZE - 1));
    memcpy(room->run_id, run_id, strnlen(run_id, LIVE_NAME_SIZE - 1));
    room->next = *bucket;
    *bucket = room;
    return room;
}

static void
close_room(struct live_rooms *rooms, struct live_room *room)
{
    struct live_room **at = bucket_of(rooms, room->account, room->run_id);

    while (*at != room)
        at = &(*at)->next;
    *at = room->next;
    free(room);
}

struct live_seat *
live_room_join(struct live_rooms *rooms, const char *account, const char *run_id,
               struct live_client *client)
{
    struct live_room *room = live_room_find(rooms, account, run_id);
    struct live_seat *seat = calloc(1, sizeof *seat);

    if (room == NULL && seat != NULL)
        room = open_room(rooms, account, run_id);
    if (room == NULL || seat == NULL) {
        free(seat);
        return NULL;
    }
    seat->client = client;
    seat->room = room;
    seat->number = ++rooms->seats_ever;
    seat->next = room->seats;
    if (room->seats != NULL)
        room->seats->before = seat;
    room->seats = seat;
    room->seat_count++;
    return seat;
}

bool
live_room_leave(struct live_rooms *rooms, struct live_seat *seat)
{
    struct live_room *room = seat->room;

    if (seat->before != NULL)
        seat->before->next = seat->next;
    else
        room->seats = seat->next;
    if (seat->next != NULL)
        seat->next->before = seat->before;
    live_outbox_clear(&seat->held);
    free(seat);
    if (--room->seat_count > 0)
        return false;
    close_room(rooms, room);
    return true;
}

enum live_telling
live_seat_judge(const struct live_seat *seat, int64_t seq)
{
    if (seat->replaying)
        return LIVE_HOLD;
    return seq <= seat->told_seq ? LIVE_SKIP : LIVE_TELL;
}
