#pragma once

#include "actuator/incidents.h"
#include "actuator/remedy.h"

struct event_base;

/*
 * What is written down for people: each step and pod of an incident goes to the log and into the
 * database, the latter together, at most 200 ms later.
 */
struct people;

struct people *people_new(struct event_base *base, struct incidents *incidents);
void people_free(struct people *people); /* writes what is left */

void people_step(struct people *people, const char *id, const char *words);
/* The same without the log, for what is logged in other words already. */
void people_write(struct people *people, const char *id, const char *words);
void people_stand(struct people *people, const char *id, enum incident_state state);
void people_look(struct people *people, const char *id, enum incident_look look);
/* See incidents_silent(). */
void people_silent(struct people *people, const char *id, const char *words);
void people_pod(struct people *people, const char *id, const struct remedy_pod *pod);
void people_trace(struct people *people, const struct trace *trace);
