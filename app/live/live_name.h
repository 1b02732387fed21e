/*
 * live_name.h - the name of every event that is sent to a client. schema/socketio/ has a file for
 * each (tests/clients/test_event_schemas.py holds that); the gateway's code names them no other
 * way.
 */
#ifndef LIVE_NAME_H
#define LIVE_NAME_H

/* Of a connection, as Socket.IO clients hear them. */
#define LIVE_NAME_CONNECTION_ESTABLISHED "connection_established"
#define LIVE_NAME_SUBSCRIPTION_CONFIRMED "subscription_confirmed"
#define LIVE_NAME_UNSUBSCRIPTION_CONFIRMED "unsubscription_confirmed"
#define LIVE_NAME_SUBSCRIPTION_ERROR "subscription_error"

/* Of a training that was started at /api/training/start; to the whole account. */
#define LIVE_NAME_TRAINING_STARTED "training_started"
#define LIVE_NAME_TRAINING_PROGRESS "training_progress"
#define LIVE_NAME_TRAINING_COMPLETED "training_completed"
#define LIVE_NAME_TRAINING_STOPPED "training_stopped"
#define LIVE_NAME_TRAINING_ERROR "training_error"

/* Of a run, to who subscribed to it; the same three on an event stream. */
#define LIVE_NAME_RUN_UPDATED "run_updated"
#define LIVE_NAME_EPISODES "episodes"
#define LIVE_NAME_RESET "reset"

#endif
