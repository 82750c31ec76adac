#include "listener/voice.h"

#include "common/clock.h"

#define SILENCE_US (5 * US_PER_SECOND)
#define DUMP_US    US_PER_MINUTE /* the longest that a panic prints */
#define TOLD_US    (15 * US_PER_MINUTE)

void voice_panicked(struct voice *voice, uint64_t now_us)
{
    *voice = (struct voice){ .panic_us = now_us, .belongs_us = now_us, .told_us = voice->told_us };
}

void voice_ended(struct voice *voice, uint64_t now_us)
{
    voice->belongs_us = now_us;
    voice->ended = true;
}

static bool belongs(struct voice *voice, uint64_t now_us)
{
    if (now_us - voice->belongs_us > SILENCE_US || now_us - voice->panic_us > DUMP_US)
        return false;
    if (!voice->ended)
        voice->belongs_us = now_us;
    return true;
}

bool voice_heard(struct voice *voice, bool boots, uint64_t now_us)
{
    if (voice->panic_us == 0 || now_us - voice->panic_us > TOLD_US)
        return false;
    if (boots) /* and what follows is that kernel's */
        voice->belongs_us = now_us - SILENCE_US - 1;
    else if (belongs(voice, now_us))
        return false;
    return voice->told_us == 0 || now_us - voice->told_us >= US_PER_SECOND;
}

void voice_told(struct voice *voice, uint64_t now_us)
{
    voice->told_us = now_us;
}
