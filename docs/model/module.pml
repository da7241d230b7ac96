/* The state machine of one module: FIG. 6, the boot table (C-18 … C-26), and a reboot between any two of its steps.
 *
 * What is modelled, what is not, which line of the code each part mirrors and how to run it: README.md beside this.
 */

mtype = { UNINITIALIZED, INITIALIZING, OPERATIONAL, ADMINISTRATIVE, EXPORTING, IMPORTING, ERROR };

#define SHARES 2                /* as many as are made, and as many as it takes */

/* Memory that survives a reboot: state.Hot and state.Cold. Reset alone erases it. */
mtype persistent = UNINITIALIZED;
bool mks, dormant;           /* Master Key Sets */
bool transport;                 /* the transport key of a module that is no master */
byte given, taken;                   /* shares still to be given out; shares taken */

/* What a reboot takes: core.Core. */
mtype current = UNINITIALIZED;
bool booted;                    /* the boot detection flag (M-04) */
bool fault, fatal;              /* why Current State is Error */

mtype then = UNINITIALIZED;     /* where the command under way leads */
byte boots_in_error;            /* boots in a row that the boot table sent into an error that a boot clears */

inline erase() { mks = false; dormant = false; transport = false; given = 0; taken = 0; persistent = UNINITIALIZED }

inline power_up() {
    current = persistent; booted = false; fault = false; fatal = false;
    then = UNINITIALIZED
}

/* booting.detect_boot with domain/boot.boot_state: before the first function after a boot */
inline detect_boot() {
    if
    :: booted || fault    /* C-19 */
    :: else ->
        booted = true;
        if
        :: persistent == UNINITIALIZED -> current = UNINITIALIZED; boots_in_error = 0    /* C-25 */
        :: persistent == ERROR || persistent == INITIALIZING || (persistent == IMPORTING && !mks) ->
            current = ERROR; persistent = ERROR; fault = true; fatal = true    /* C-20 … C-22 */
        :: persistent == EXPORTING ->    /* C-24, M-03 */
            current = ERROR; fault = true; given = 0;
            boots_in_error++;
#ifndef PERSISTENT_STAYS
            persistent = OPERATIONAL
#endif
        :: else ->    /* C-23, C-26 */
            current = OPERATIONAL; persistent = OPERATIONAL; taken = 0;
            boots_in_error = 0
        fi
    fi
}

/* A reboot between two steps: what is not in memory yet has not happened. */
#define SEAM if :: skip :: goto reboot fi

/* What a command does, all at once with Persistent State: Core.write is one transaction of the memory (C-29, C-30). */
#ifdef PERSISTENT_FIRST
#define DONE(actions) persistent = then; SEAM; actions
#else
#define DONE(actions) d_step { actions; persistent = then }
#endif

#define MOVE(state) then = state; current = state; SEAM

active proctype module() {
reboot:
    atomic {
        power_up();
        if                                          /* a self test that fails reads nothing and writes nothing */
        :: skip
        :: current = ERROR; fault = true
        fi
    }
    do
    :: goto reboot
    :: d_step { erase(); power_up(); boots_in_error = 0 }                            /* Reset (C-15) */
    :: true;
        atomic { detect_boot(); then = current };
        /* whatever follows is one function; FIG. 6 says which may start in which state */
        if
        :: current == UNINITIALIZED -> MOVE(INITIALIZING); d_step { erase(); persistent = INITIALIZING }     /* C-02 */
        :: current == INITIALIZING -> MOVE(OPERATIONAL); DONE(mks = true)    /* C-03 */
        :: current == INITIALIZING -> MOVE(IMPORTING); DONE(transport = true)    /* C-04 */
        :: current == OPERATIONAL -> MOVE(ADMINISTRATIVE); DONE(skip)    /* C-05 */
        :: current == ADMINISTRATIVE -> MOVE(OPERATIONAL); DONE(skip)    /* C-06 */
        :: current == OPERATIONAL && mks -> MOVE(EXPORTING); DONE(given = SHARES)    /* C-07 */
        :: current == EXPORTING && given > 1 -> MOVE(EXPORTING); DONE(given--)
        :: current == EXPORTING && given == 1 -> MOVE(OPERATIONAL); DONE(given = 0)    /* C-08 */
        :: current == EXPORTING -> MOVE(OPERATIONAL); DONE(given = 0)    /* C-09 */
        :: current == OPERATIONAL && transport && !dormant -> MOVE(IMPORTING); DONE(skip)    /* C-10 */
        :: current == IMPORTING && taken < SHARES -> MOVE(IMPORTING); DONE(taken++)
        :: current == IMPORTING && taken == SHARES && mks -> MOVE(OPERATIONAL); DONE(dormant = true; taken = 0) /* C-11 */
        :: current == IMPORTING && taken == SHARES && !mks -> MOVE(OPERATIONAL); DONE(mks = true; taken = 0)  /* C-11 */
        :: current == IMPORTING && mks -> MOVE(OPERATIONAL); DONE(taken = 0)    /* M-83 */
        :: current == IMPORTING && !mks ->    /* C-12 */
            MOVE(ERROR);
            DONE(taken = 0);
            d_step { fault = true; fatal = true }
        :: current == OPERATIONAL && dormant -> DONE(dormant = false)
        :: current != UNINITIALIZED && current != ERROR ->       /* an entry cannot be signed: not fatal (C-14, I-16) */
            d_step { current = ERROR; fault = true }
        :: skip                                                  /* a command that stays, or a refusal */
        fi;
        then = UNINITIALIZED;
        d_step {
            assert(current != OPERATIONAL && current != ADMINISTRATIVE || mks);    /* C-37 */
            assert(current != EXPORTING || (mks && given > 0));
            assert(current != INITIALIZING || !mks);    /* C-36 */
            assert(persistent != UNINITIALIZED || (!mks && !transport));    /* C-35 */
            assert((current == ERROR) == fault);
            assert(!fatal || persistent == ERROR);    /* C-13 */
            assert(fault || current == persistent);    /* C-30 */
            assert(boots_in_error <= 1)    /* C-14, M-03 */
        }
    od
}

/* A fatal error is left by Reset alone (C-13). */
#ifdef C_13
ltl c_13 { [] (persistent == ERROR -> (persistent == ERROR W persistent == UNINITIALIZED)) }
#endif

/* Uninitialized is a shield: nobody comes to Initializing but through it (C-35, C-36). */
#ifdef C_35
#define in_use (booted && current != INITIALIZING && current != UNINITIALIZED)
ltl c_35 { [] (in_use -> (!(booted && current == INITIALIZING) W current == UNINITIALIZED)) }
#endif

/* A module that lost its Master Key Set was Uninitialized meanwhile (C-15, C-37). */
#ifdef C_37
ltl c_37 { [] (mks -> (mks W persistent == UNINITIALIZED)) }
#endif
