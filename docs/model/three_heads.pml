/* Three heads: memory M, store S and audit copy C of two modules' chains, whatever happens between two writes.
 *
 * What is modelled, what is not, which line of the code each part mirrors and how to run it: README.md beside this.
 *
 * A record is known by its chain, its sequence number and a branch: how many other records were sealed before at that
 * very place. As each record holds the hash of the one before, two chains that show one branch at one sequence are
 * one chain up to there; so a head is compared "by hash" as the module does it.
 */

#ifndef LEN
#define LEN 7          /* sequence numbers 1 … LEN-1 of a chain; 0 is the genesis */
#endif
#ifndef METERS
#define METERS 1
#endif
#ifndef UNITS
#define UNITS 2        /* what each meter holds, in items of one price */
#endif
#ifndef CRASHES
#define CRASHES 1      /* kill -9, or an error, at any seam of any process */
#endif
#ifndef CUTS
#define CUTS 0         /* sessions with the store that end while their transaction is still in the socket */
#endif
#ifndef PUT_BACKS
#define PUT_BACKS 0    /* places put back to what they were at some earlier instant */
#endif
#ifndef HAND_OVERS
#define HAND_OVERS 0   /* meters given from one module to the other */
#endif
#define PLACE_STORE 1
#define PLACE_MEMORY 2
#define PLACE_COPY 3
#define PLACE_ROWS 4   /* the packages alone: an old one among new ones */
#define PLACE_STORE_AND_COPY 5
#ifndef PLACES
#define PLACES PLACE_STORE
#endif
#ifndef RESERVE
#define RESERVE 3      /* records left in a chain for recoveries: no group begins beyond */
#endif

#ifndef MAY_INHIBIT
#define MAY_INHIBIT false
#endif

#define CHAINS 2
#ifdef CLONE
#define SERVERS 3      /* the third has a clone of the first module's memory */
#else
#define SERVERS 2
#endif

#define NONE 255

/* Kinds of records. The first three are transactions of a meter, the others are records of the module itself. */
#define ITEM 1
#define GIVEN 2        /* hand-over, in the giver's chain */
#define TAKEN 3        /* hand-over or adoption, in the taker's chain */
#define RECOVERED 4    /* checkpoint-recovered: names the records from `from` to itself as discarded */
#define REDONE 5       /* the store was behind, and got back what the copy held */
#define CLOSED 6       /* an adopter's mark in the chain of a module that is believed to be dead */

/* What a record says, in one number. */
#define INFO(kind, meter, version, ar, home, from) \
    ((kind) + ((meter) << 3) + ((version) << 4) + ((ar) << 7) + ((home) << 9) + ((from) << 10))
#define kind_of(d)    (info[d] & 7)
#define meter_of(d)   ((info[d] >> 3) & 1)
#define version_of(d) ((info[d] >> 4) & 7)
#define ar_of(d)      ((info[d] >> 7) & 3)
#define home_of(d)    ((info[d] >> 9) & 1)
#define from_of(d)    ((info[d] >> 10) & 7)
#define of_meter(d)   (kind_of(d) <= TAKEN)

/* A cell of a chain: the branch, and whether the record's psd columns are filled, that is: it is in force. */
#define FORCE 4
#define branch(cell) ((cell) & 3)
#define DIGEST(chain, seq, cell) (((chain) * LEN + (seq)) * 3 + branch(cell) - 1)
#define same(x, y, n) ((n) == 0 || branch(x.cell[n]) == branch(y.cell[n]))

#define seq_of(d) (((d) / 3) % LEN)
#define chain_of(d) ((d) / (3 * LEN))
#define street_stands(d, c) \
    (seq_of(d) <= store[c].top && store[c].cell[seq_of(d)] == ((d) % 3) + 1 + FORCE)

#if METERS > 1
#define WANTED (shown[0] < UNITS || shown[1] < UNITS)
#else
#define WANTED (shown[0] < UNITS)
#endif

typedef Chain { byte top; byte cell[LEN] };
typedef Memory {
    byte top; byte cell[LEN];   /* the head; the module keeps the tail alone, and the hash of what is before */
    byte seen;                  /* tail.before: the store's head when the tail was made */
    byte printed;               /* module totals */
    byte printed_before;        /* … as the ring's entry at `seen` has them */
    byte row[METERS];           /* version and digest of each home meter's package; NONE: not at home */
    byte undo[METERS]           /* the rows before the tail */
};

Memory mem[SERVERS];            /* at rest; what a server believes is the same, for it reads it at every opening */
Chain store[CHAINS], copy[CHAINS];
byte pk[METERS];                /* packages: the digest of the record that made each */
byte kept[METERS];              /* the newest kept reply: its item; NONE after a redo */

bool conn[SERVERS];             /* the server's sessions with the store are alive */
bool ready[SERVERS], inhibited[SERVERS];
bool turn[SERVERS];             /* one group in flight */

short info[CHAINS * LEN * 3];   /* all records ever sealed, also those that no place holds any more */
byte made[CHAINS * LEN];
byte street[METERS * 4];        /* the item that was released for each unit of value */
byte shown[METERS];             /* AR as the customer was shown it last: the client is a witness (M-58) */
byte crashes = CRASHES, cuts = CUTS, hand_overs = HAND_OVERS;
bool behind;                    /* somebody put back a store that the copy was ahead of */
bool was_put_back;
bool noticed;                   /* a customer saw less than was shown before */

#if CUTS > 0
typedef Limbo { byte first; byte n; byte cell[3] };
Limbo limbo[CHAINS];            /* a transaction that a dead client's backend has not read yet */
#endif

/* ------------------------------------------------------------------ what the writes do: each is all or nothing */

/* AuditTrail.seal: the next record of the module's chain. */
inline seal(p, c, what, force) {
    mem[p].top++;
    assert(mem[p].top < LEN && made[c * LEN + mem[p].top] < 3);
    made[c * LEN + mem[p].top]++;
    mem[p].cell[mem[p].top] = made[c * LEN + mem[p].top] + force;
    d = DIGEST(c, mem[p].top, mem[p].cell[mem[p].top]);
    info[d] = what
}

/* Core.write begins a tail: what is to be undone is what there was before. */
inline begin_tail(p, before) {
    mem[p].seen = before;
    mem[p].printed_before = mem[p].printed;
    for (i : 0 .. METERS - 1) { mem[p].undo[i] = mem[p].row[i] }
}

/* unique (chain, sequence) and unique (psd_id, psd_version) */
inline conflicts(c, from, upto, line) {
    conflict = false;
#ifndef NO_UNIQUE
    if :: store[c].top >= from -> conflict = true :: else fi;
    for (s : from .. upto) {
        if
        :: line.cell[s] & FORCE ->
            d = DIGEST(c, s, line.cell[s]);
            for (i : 0 .. CHAINS - 1) {
                for (j : 1 .. store[i].top) {
                    if
                    :: (store[i].cell[j] & FORCE) &&
                       meter_of(DIGEST(i, j, store[i].cell[j])) == meter_of(d) &&
                       version_of(DIGEST(i, j, store[i].cell[j])) == version_of(d) -> conflict = true
                    :: else
                    fi
                }
            }
        :: else
        fi
    };
    i = 0; j = 0; s = 0;
#endif
}

/* Store.save: records appended, packages replaced, replies kept, in one transaction. */
inline append(c, from, upto, line) {
    for (s : from .. upto) { put(c, s, line.cell[s], 0) };
    s = 0
}

inline put(c, at, cell_, redo) {
    assert(at <= store[c].top + 1);
    store[c].cell[at] = cell_;
    if :: at > store[c].top -> store[c].top = at :: else fi;
    if
    :: cell_ & FORCE ->
        d = DIGEST(c, at, cell_);
        m = meter_of(d);
        if  /* a redo may find the other chain's later package there already */
        :: !redo || version_of(d) > version_of(pk[m]) ->
            pk[m] = d;
            if :: kind_of(d) == ITEM -> kept[m] = (redo -> NONE : d) :: else fi
        :: else
        fi
    :: else ->
        d = DIGEST(c, at, cell_);                     /* nothing that was released is discarded */
#ifndef NO_UNIQUE
        assert(kind_of(d) != ITEM || street[meter_of(d) * 4 + ar_of(d)] != d)
#endif
    fi
}

/* A reply leaves the system: the item in it may be in the street from now on. */
inline release(item) {
    assert(street[meter_of(item) * 4 + ar_of(item)] == NONE || street[meter_of(item) * 4 + ar_of(item)] == item);
    street[meter_of(item) * 4 + ar_of(item)] = item
}

/* ------------------------------------------------------------------ recovery: the table of architecture.md */

/* The meter was given to this module, which does not know it, or knows it from an earlier time; and the giver's record
 * has its receipt: what the giver released against it is the token that is asked for. */
#ifdef TAKE_FROM_STORE
#define receipt true
#else
#define receipt (copy[chain_of(pk[0])].top >= seq_of(pk[0]) && \
    copy[chain_of(pk[0])].cell[seq_of(pk[0])] == pk[0] % 3 + 1)
#endif
#define may_take(p, c) (home_of(pk[0]) == c && kind_of(pk[0]) == GIVEN && older(p, 0) && receipt)
#ifdef NO_TOMBSTONE
#define older(p, i) (mem[p].row[i] == NONE || home_of(mem[p].row[i]) != home_of(pk[i]))
#else
#define older(p, i) (mem[p].row[i] == NONE || version_of(mem[p].row[i]) < version_of(pk[i]))
#endif
#define ROOM(p) (mem[p].top + 1 + RESERVE < LEN)

/* The mark stands in the copy of the first chain, and not yet in the store. */
#define half_closed (copy[0].top == store[0].top + 1 && same(copy[0], store[0], store[0].top) && \
    kind_of(DIGEST(0, copy[0].top, copy[0].cell[copy[0].top])) == CLOSED)

/* Store and copy of the first chain end alike. */
#define AGREED (store[0].top == copy[0].top && same(store[0], copy[0], copy[0].top))

/* The copy of the first chain holds what the store has lost; and where that ends, but for a mark. */
#define LOST (copy[0].top > store[0].top && same(copy[0], store[0], store[0].top) && !half_closed)
#define UNMARKED \
    (copy[0].top - (kind_of(DIGEST(0, copy[0].top, copy[0].cell[copy[0].top])) == CLOSED -> 1 : 0))

/* An adopter's mark goes into the copy of the first chain. */
inline mark_closed() {
    copy[0].top++;
    made[copy[0].top]++;
    assert(made[copy[0].top] < 4);
    copy[0].cell[copy[0].top] = made[copy[0].top];
    info[DIGEST(0, copy[0].top, made[copy[0].top])] = INFO(CLOSED, 0, 0, 0, 0, 0)
}

/* The newest record that memory sealed says that a redo was begun. */
#define marked(p, c) (kind_of(DIGEST(c, mem[p].top, mem[p].cell[mem[p].top])) == REDONE)

mtype = { GO, COMPLETE, MARK, LINES, DISCARD, GIVE, REFUSE };

/* domain/heads.judge */
inline judge(p, c) {
    if
    :: copy[c].top > store[c].top ->
        if
        :: !same(copy[c], store[c], store[c].top) -> act = REFUSE
        :: else ->
            if
            :: copy[c].top > mem[p].top || !same(copy[c], mem[p], copy[c].top) -> act = REFUSE
            :: else ->
                if
                :: copy[c].top < mem[p].seen -> act = REFUSE     /* store and copy put back */
                :: copy[c].top == mem[p].top -> act = MARK       /* redo: it may have been released */
                :: copy[c].top >= mem[p].seen && copy[c].top < mem[p].top && store[c].top < mem[p].seen ->
                    resume_or(p);                                /* the group in flight goes first: it was not */
                    act = (act == DISCARD -> DISCARD : (marked(p, c) -> LINES : MARK))
                :: else -> resume_or(p)
                fi
            fi
        fi
    :: else ->
        if
        :: !same(store[c], copy[c], copy[c].top) -> act = REFUSE
        :: else ->
            if
            :: store[c].top == mem[p].top && same(store[c], mem[p], mem[p].top) ->
                act = (copy[c].top == store[c].top -> GO : COMPLETE)
            :: else ->
                if
                :: store[c].top >= mem[p].top || !same(store[c], mem[p], store[c].top) -> act = REFUSE
#ifdef SEEN_OR_LATER
                :: store[c].top < mem[p].seen -> act = REFUSE
#else
                :: store[c].top < mem[p].top && store[c].top != mem[p].seen -> act = REFUSE
#endif
                :: else -> resume_or(p)
                fi
            fi
        fi
    fi
}

inline resume_or(p) {
    act = GIVE;
    for (i : mem[p].seen + 1 .. mem[p].top) { if :: mem[p].cell[i] & FORCE -> act = DISCARD :: else fi };
    i = 0
}

/* CryptoModule.resume, roll_back: memory goes back to the ring's entry at `seen`, and a record names what is lost. */
inline discard(p, c) {
    for (s : mem[p].seen + 1 .. mem[p].top) {
        mem[p].cell[s] = branch(mem[p].cell[s])
    };
    s = 0;
    mem[p].printed = mem[p].printed_before;
    for (i : 0 .. METERS - 1) { mem[p].row[i] = mem[p].undo[i] };
    i = 0;
    seal(p, c, INFO(RECOVERED, 0, 0, 0, 0, mem[p].seen + 1), 0)
}

/* A redo begins: the record that says so goes into memory. If the copy holds all that memory knows, the tail is then
 * that record alone, for what was before it may have been released: a crash after this finds nothing to discard. */
inline mark(p, c) {
#ifdef REDO_TAIL_FROM_STORE
    mem[p].seen = store[c].top;
#else
    if :: copy[c].top == mem[p].top -> begin_tail(p, mem[p].top) :: else fi;
#endif
    seal(p, c, INFO(REDONE, 0, 0, 0, 0, 0), 0);
    behind = false
}

/* Missing lines go into the store byte for byte: for a module that redoes, up to the last head that was seen in it, for
 * these groups are whole. Which of them are discarded is read first. */
inline lines(c, upto) {
    conflict = false;
    for (s : store[c].top + 1 .. upto) {
        d = DIGEST(c, s, copy[c].cell[s]);
        cell = copy[c].cell[s] + (of_meter(d) -> FORCE : 0);
        for (i : s + 1 .. upto) {
            d = DIGEST(c, i, copy[c].cell[i]);
            if :: kind_of(d) == RECOVERED && from_of(d) <= s -> cell = branch(cell) :: else fi
        };
        put(c, s, cell, 1)
    };
    i = 0; s = 0; cell = 0
}

/* What must be true whenever a module goes to work. A store that keeps two records of one number is out of order
 * anyway. */
inline in_order(p, c) {
#ifndef NO_UNIQUE
    n = 0;
    for (s : 1 .. store[c].top) {
        d = DIGEST(c, s, store[c].cell[s]);
        if :: (store[c].cell[s] & FORCE) && kind_of(d) == ITEM -> n++ :: else fi
    };
    assert(mem[p].printed == n);                      /* module totals tie with the records in force */
    n = 0; s = 0;
    for (i : 0 .. METERS - 1) {
#if PLACES != PLACE_ROWS
        /* A home meter's package is the one that memory knows, or one that was given and is still to be taken. */
        assert(home_of(pk[i]) != c || mem[p].row[i] == pk[i] || (kind_of(pk[i]) == GIVEN && older(p, i)));
#endif
        for (j : 1 .. UNITS) {
            d = street[i * 4 + j];
            /* Nothing that was released is lost: its record stands in the store, in force. */
            assert(d == NONE || chain_of(d) != c || street_stands(d, c))
        }
    };
    i = 0; j = 0;
    assert(!behind || c != 0)                         /* a store that was put back is noticed, and a record says so */
#else
    skip
#endif
}

/* ------------------------------------------------------------------ a server with a module: app.Ledger */

#define SEAM if :: skip :: atomic { crashes > 0 -> crashes--; goto off } fi

/* AuditCopy.append: line after line, and each may be the last that the disk takes. A file that is not as this writer
 * left it is not written to (`_demand_as_left`). */
inline to_copy(c, after, upto, line) {
    n = after;
    do
    :: n == upto -> n = 0; break
    :: n > upto -> goto off                                /* the store that is read was put back meanwhile */
    :: n < upto ->
        atomic {
            if
#ifdef NO_COPY_CHECK
            :: n < upto ->
                n++;
                copy[c].cell[n] = branch(line.cell[n]);
                copy[c].top = (copy[c].top < n -> n : copy[c].top)
#else
            :: copy[c].top == n && n < upto -> n++; copy[c].top = n; copy[c].cell[n] = branch(line.cell[n])
#endif
            :: else -> goto off
            fi
        }
        SEAM
    od
}

/* Whoever is cut off in the middle leaves two modules to be opened again, also the one that others run. */
#define SEAM_OF_TWO if :: skip :: atomic { crashes > 0 -> crashes--; ready[1] = false; turn[1] = false; goto off } fi

proctype server(byte p; byte c) {
    byte d, i, j, s, m, n, cell, first, group, again, g_top, g_branch, rounds;
    byte got[METERS], got_kept[METERS];
    bool conflict;
    mtype act;

off:
    skip;
    d_step {
        ready[p] = false; turn[p] = false; group = 0; again = 0; first = 0; g_top = 0; g_branch = 0; rounds = 0;
        conflict = false; d = 0; m = 0; n = 0; i = 0; j = 0; s = 0;
        for (i : 0 .. METERS - 1) { got[i] = 0; got_kept[i] = 0 };
        i = 0;
        conn[p] = false
    }
opening:
    /* Places._claimed: one writer of a chain, and an earlier one's backend is over */
    atomic {
        !turn[p] -> turn[p] = true;
#ifdef CLONE
#ifndef NO_CLAIM
        if :: c == 0 && conn[2 - p] -> goto in_use :: else fi;
#endif
#endif
        conn[p] = true;
#if CUTS > 0
#ifndef NO_CLAIM
        d_step { limbo[c].n = 0; limbo[c].first = 0; limbo[c].cell[0] = 0; limbo[c].cell[1] = 0; limbo[c].cell[2] = 0 }
#endif
#endif
    }
    /* Places.reconcile */
    do
    :: atomic {
           if
           :: !conn[p] -> goto off
           :: else -> d_step {
                  judge(p, c);
                  if :: act == GO -> in_order(p, c); ready[p] = true :: else fi;
                  d = 0;
                  rounds++;
                  assert(rounds <= 7)                      /* it comes to an end */
              }
           fi
       }
       if
       :: act == GO -> break
       :: act == REFUSE -> goto stopped
       :: act == COMPLETE -> to_copy(c, copy[c].top, store[c].top, store[c])
       :: act == MARK -> d_step { mark(p, c); d = 0; i = 0 }
       :: act == LINES ->
           atomic { if :: conn[p] -> d_step { lines(c, mem[p].seen); d = 0; m = 0 } :: else -> goto off fi }
       :: act == DISCARD -> d_step { discard(p, c); d = 0 }
       :: act == GIVE ->
           atomic {
               if
               :: !conn[p] -> goto off
               :: else ->
                   d_step { conflicts(c, mem[p].seen + 1, mem[p].top, mem[p]); d = 0 }
                   if
                   :: conflict -> goto off
                   :: else -> d_step { append(c, mem[p].seen + 1, mem[p].top, mem[p]); d = 0; m = 0 }
                   fi
               fi
           }
       fi;
       SEAM
    od;
    skip;
    d_step { turn[p] = false; rounds = 0; act = 0 }

end_idle:
    do
    :: atomic {                                                   /* a group: any module may be asked (N-19) */
           !turn[p] && ready[p] && mem[p].top + METERS + RESERVE < LEN && WANTED ->
           if
           :: shown[0] < UNITS -> group = 1
#if METERS > 1
           :: shown[1] < UNITS -> group = 2
           :: shown[0] < UNITS && shown[1] < UNITS -> group = 3
#endif
           fi;
           turn[p] = true
       }
       break
    :: atomic { !turn[p] && crashes > 0 -> crashes--; turn[p] = true; goto off }
    :: atomic { !turn[p] && !ready[p] -> turn[p] = true; goto off }
#if HAND_OVERS > 0
    :: atomic {
           !turn[p] && ready[p] && hand_overs > 0 && home_of(pk[0]) == c && mem[p].row[0] == pk[0] && ROOM(p) ->
           hand_overs--;
           turn[p] = true
       }
       goto give
    :: atomic { !turn[p] && ready[p] && may_take(p, c) && ROOM(p) -> turn[p] = true }
       goto take
#endif
#ifdef HAND_OVER_AT_ONCE
    :: atomic {
           p == 0 && !turn[0] && !turn[1] && ready[0] && ready[1] && home_of(pk[0]) == 0 && ROOM(0) && ROOM(1) ->
           turn[0] = true;
           turn[1] = true
       }
       goto hand_over
#endif
#ifdef ADOPT
    :: atomic {
           p == 1 && !turn[1] && ready[1] && home_of(pk[0]) == 0 && ROOM(1) &&
           (AGREED || half_closed || LOST) -> turn[1] = true
       }
       goto adopt
#endif
    od;

    /* 1. gather: in one round trip */
    atomic {
        if
        :: !conn[p] -> goto off
        :: else -> d_step {
               g_top = store[c].top;
               g_branch = branch(store[c].cell[g_top]);
               for (i : 0 .. METERS - 1) { got[i] = pk[i]; got_kept[i] = kept[i] };
               i = 0
           }
        fi
    }
    /* 2. dispatch: the external checkpoint, the checks, the record; then memory is durable */
    if
    :: g_top != mem[p].top || (g_top > 0 && g_branch != branch(mem[p].cell[g_top])) -> goto off
    :: else
    fi;
    d_step {
        first = mem[p].top + 1;
        for (m : 0 .. METERS - 1) {
            if
            :: group & (1 << m) ->
                if
#ifdef NO_HOME
                :: false
#else
                :: home_of(got[m]) != c || mem[p].row[m] != got[m] -> group = group - (1 << m)  /* package_is_current */
#endif
                :: else ->
                    if
                    :: ar_of(got[m]) < shown[m] -> noticed = true; group = group - (1 << m)
                    :: ar_of(got[m]) > shown[m] -> again = again + (1 << m); group = group - (1 << m)
                    :: else
                    fi
                fi
            :: else
            fi
        };
        m = 0;
        if
        :: group ->
            begin_tail(p, mem[p].top);
            i = 0;
            for (m : 0 .. METERS - 1) {
                if
                :: group & (1 << m) ->
                    seal(p, c, INFO(ITEM, m, version_of(got[m]) + 1, ar_of(got[m]) + 1, c, 0), FORCE);
                    mem[p].row[m] = d;
                    mem[p].printed++;
                    d = 0
                :: else
                fi
            };
            m = 0
        :: else
        fi
    }
    if
    :: group == 0 && again == 0 -> d_step { turn[p] = false; g_top = 0; g_branch = 0; first = 0 } goto end_idle
    :: group == 0 && again -> goto release_
    :: else
    fi;
    SEAM;
#ifdef RELEASE_EARLY
    d_step { for (s : first .. mem[p].top) { d = DIGEST(c, s, mem[p].cell[s]); release(d) }; s = 0; d = 0 }
    SEAM;
#endif
    /* 3. save: the store first */
    atomic {
        if
        :: !conn[p] -> goto off
#if CUTS > 0
        :: conn[p] && cuts > 0 && limbo[c].n == 0 ->      /* the session ends; the backend has not read it yet */
            d_step {
                cuts--;
                limbo[c].first = first;
                for (s : first .. mem[p].top) { limbo[c].cell[s - first] = mem[p].cell[s] };
                s = 0;
                limbo[c].n = mem[p].top + 1 - first
            }
            goto off
#endif
        :: conn[p] ->
            d_step { conflicts(c, first, mem[p].top, mem[p]); d = 0 }
            if
            :: conflict -> goto off
            :: else -> d_step { append(c, first, mem[p].top, mem[p]); d = 0; m = 0 }
            fi
        fi
    }
    SEAM;                                                  /* stored, also if the answer to COMMIT was lost */
    to_copy(c, first - 1, mem[p].top, mem[p]);                        /* then the audit copy */

release_:
    /* 4. release: what a Receipt opens; whether the reply arrives is another matter */
    skip;
    d_step {
        for (m : 0 .. METERS - 1) {
            if
            :: group & (1 << m) -> d = mem[p].row[m]; release(d)
            :: (again & (1 << m)) && got_kept[m] != NONE && ar_of(got_kept[m]) == shown[m] + 1 -> release(got_kept[m])
            :: else
            fi
        };
        d = 0; m = 0
    }
    if
    :: d_step {
           for (m : 0 .. METERS - 1) {
               if
               :: (group & (1 << m)) && shown[m] < ar_of(mem[p].row[m]) -> shown[m] = ar_of(mem[p].row[m])
               :: (again & (1 << m)) && shown[m] < ar_of(got[m]) -> shown[m]++    /* the kept reply, or AlreadyDone */
               :: else
               fi
           };
           m = 0
       }
    :: skip
    fi;
    d_step {
        for (i : 0 .. METERS - 1) { got[i] = 0; got_kept[i] = 0 };
        i = 0; group = 0; again = 0; first = 0; g_top = 0; g_branch = 0; turn[p] = false
    }
    goto end_idle;

#if HAND_OVERS > 0
give:
    /* A hand-over is two transactions. The first names another home; the giver remembers what it gave away. */
    atomic {
        if
        :: !conn[p] || store[c].top != mem[p].top || !same(store[c], mem[p], mem[p].top) -> goto off
        :: else -> d_step {
               if
               :: mem[p].row[0] == pk[0] ->
                   begin_tail(p, mem[p].top);
                   got[0] = pk[0];
                   seal(p, c, INFO(GIVEN, 0, version_of(got[0]) + 1, ar_of(got[0]), 1 - c, 0), FORCE);
                   mem[p].row[0] = d
               :: else
               fi;
               first = mem[p].top;
               got[0] = 0; d = 0; i = 0
           }
        fi
    }
    goto save_one;

take:
    /* The second, any time after the first has its receipt: it stands in the giver's store and copy. */
    atomic {
        if
        :: !conn[p] || store[c].top != mem[p].top || !same(store[c], mem[p], mem[p].top) -> goto off
        :: else ->
            if
            :: may_take(p, c) -> d_step {
                   begin_tail(p, mem[p].top);
                   got[0] = pk[0];
                   seal(p, c, INFO(TAKEN, 0, version_of(got[0]) + 1, ar_of(got[0]), c, 0), FORCE);
                   mem[p].row[0] = d;
                   first = mem[p].top;
                   got[0] = 0; d = 0; i = 0
               }
            :: else -> turn[p] = false; goto end_idle
            fi
        fi
    }

save_one:
    SEAM;
    atomic {
        if
        :: !conn[p] -> goto off
        :: else ->
            d_step { conflicts(c, first, mem[p].top, mem[p]); d = 0 }
            if
            :: conflict -> goto off
            :: else -> d_step { append(c, first, mem[p].top, mem[p]); d = 0; m = 0 }
            fi
        fi
    }
    SEAM;
    to_copy(c, first - 1, mem[p].top, mem[p]);
    skip;
    d_step { first = 0; turn[p] = false }
    goto end_idle;
#endif

#ifdef HAND_OVER_AT_ONCE
hand_over:
    /* Both modules under one roof: a record in both chains, in one transaction. The giver forgets first. */
    atomic {
        if
        :: !conn[0] || store[0].top != mem[0].top || !same(store[0], mem[0], mem[0].top) || mem[0].row[0] != pk[0] ||
           home_of(pk[0]) != 0 -> turn[1] = false; goto off
        :: store[1].top != mem[1].top || !same(store[1], mem[1], mem[1].top) ->
            turn[1] = false;
            turn[0] = false;
            goto end_idle
        :: else -> d_step {
               begin_tail(0, mem[0].top);
               got[0] = pk[0];
               seal(0, 0, INFO(GIVEN, 0, version_of(got[0]) + 1, ar_of(got[0]), 1, 0), FORCE);
               got[0] = d;
               mem[0].row[0] = NONE;
               d = 0; i = 0
           }
        fi
    }
    SEAM_OF_TWO;
    d_step {
        begin_tail(1, mem[1].top);
        seal(1, 1, INFO(TAKEN, 0, version_of(got[0]) + 1, ar_of(got[0]), 1, 0), FORCE);
        mem[1].row[0] = d;
        d = 0; i = 0
    }
    SEAM_OF_TWO;
    atomic {
        if
        :: !conn[0] -> ready[1] = false; turn[1] = false; goto off
        :: else ->
            d_step { conflicts(0, mem[0].top, mem[0].top, mem[0]); d = 0; n = conflict }
            d_step { conflicts(1, mem[1].top, mem[1].top, mem[1]); d = 0 }
            if
            :: conflict || n -> ready[1] = false; turn[1] = false; goto off
            :: else -> d_step {
                   append(0, mem[0].top, mem[0].top, mem[0]);
                   append(1, mem[1].top, mem[1].top, mem[1]);
                   d = 0; m = 0
               }
            fi
        fi
    }
    SEAM_OF_TWO;
    d_step { copy[0].top = mem[0].top; copy[0].cell[mem[0].top] = branch(mem[0].cell[mem[0].top]) }
    SEAM_OF_TWO;
    d_step { copy[1].top = mem[1].top; copy[1].cell[mem[1].top] = branch(mem[1].cell[mem[1].top]) }
    d_step { got[0] = 0; turn[1] = false; turn[0] = false; n = 0 }
    goto end_idle;
#endif

#ifdef ADOPT
adopt:
    /* A module that is believed to be dead: another of the same MKS takes its meters, and closes its chain. The mark
     * goes into the copy before the store has anything of it, where whoever comes back must find it before anything
     * else of his can be released. The adopter's own memory is written before that, or behind it (ADOPT_MARK_FIRST).
     * What the store has lost of the chain comes from its copy, once a record of the adopter says so and the mark is
     * there (ADOPT_SILENT: without either). */
    if
    :: atomic { LOST -> skip }
#ifndef ADOPT_SILENT
        atomic {
            if
            :: !conn[1] || store[1].top != mem[1].top || !same(store[1], mem[1], mem[1].top) || !ROOM(1) -> goto off
            :: else -> d_step {
                   begin_tail(1, mem[1].top);
                   seal(1, 1, INFO(REDONE, 0, 0, 0, 0, 0), 0);
                   behind = false; d = 0; i = 0
               }
            fi
        }
        SEAM;
        atomic {
            if
            :: !conn[1] -> goto off
            :: else ->
                d_step { conflicts(1, mem[1].top, mem[1].top, mem[1]); d = 0 }
                if
                :: conflict -> goto off
                :: else -> d_step { append(1, mem[1].top, mem[1].top, mem[1]); d = 0; m = 0 }
                fi
            fi
        }
        SEAM;
        d_step { copy[1].top = mem[1].top; copy[1].cell[mem[1].top] = branch(mem[1].cell[mem[1].top]) }
        SEAM;
        atomic {
            if
            :: !LOST -> turn[1] = false; goto end_idle
            :: LOST && UNMARKED == copy[0].top -> d_step { mark_closed() }
            :: else
            fi
        }
        SEAM;
#endif
        atomic {
            if
            :: !conn[1] -> goto off
            :: conn[1] && LOST -> d_step { g_top = UNMARKED; lines(0, g_top); d = 0; m = 0; g_top = 0 }
            :: conn[1] && !LOST -> turn[1] = false; goto end_idle
            fi
        }
        SEAM
    :: else
    fi;
#ifdef ADOPT_MARK_FIRST
    atomic {
        if
        :: half_closed
        :: !half_closed && AGREED -> d_step { mark_closed() }
        :: else -> turn[1] = false; goto end_idle
        fi
    }
    SEAM;
#endif
    atomic {
        if
        :: !conn[1] || store[1].top != mem[1].top || !same(store[1], mem[1], mem[1].top) -> goto off
#ifndef ADOPT_LEAVES_CHAIN
        :: home_of(pk[0]) != 0 || !(half_closed || AGREED) -> turn[1] = false; goto end_idle
#else
        :: home_of(pk[0]) != 0 -> turn[1] = false; goto end_idle
#endif
        :: else -> d_step {
               begin_tail(1, mem[1].top);
               got[0] = pk[0];
               seal(1, 1, INFO(TAKEN, 0, version_of(got[0]) + 1, ar_of(got[0]), 1, 0), FORCE);
               mem[1].row[0] = d;
               got[0] = 0; d = 0; i = 0
           }
        fi
    }
    SEAM;
#if !defined(ADOPT_LEAVES_CHAIN) && !defined(ADOPT_MARK_FIRST)
    atomic {
        if
        :: half_closed
        :: !half_closed && AGREED -> d_step { mark_closed() }
        :: else -> goto off
        fi
    }
    SEAM;
#endif
    atomic {
        if
        :: !conn[1] -> goto off
        :: else ->
            d_step { conflicts(1, mem[1].top, mem[1].top, mem[1]); d = 0 }
            if
#ifndef ADOPT_LEAVES_CHAIN
            :: conflict || !half_closed -> goto off
#else
            :: conflict -> goto off
#endif
            :: else -> d_step {
                   append(1, mem[1].top, mem[1].top, mem[1]);
#ifndef ADOPT_LEAVES_CHAIN
                   append(0, copy[0].top, copy[0].top, copy[0]);
#endif
                   d = 0; m = 0
               }
            fi
        fi
    }
    SEAM;
    d_step { copy[1].top = mem[1].top; copy[1].cell[mem[1].top] = branch(mem[1].cell[mem[1].top]) }
    d_step { turn[1] = false }
    goto end_idle;
#endif

#ifdef CLONE
#ifndef NO_CLAIM
in_use:
    skip;                                                  /* LedgerInUse: another writer has the claim */
    goto over;
#endif
#endif
stopped:
    skip;
    d_step { inhibited[p] = true; turn[p] = false; conn[p] = false }
    /* A crash, an error or a store that failed over never stops a module; somebody who puts a place back may. */
    assert(MAY_INHIBIT);
over:
    skip
}

/* ------------------------------------------------------------------ the world */

#if PUT_BACKS > 0
/* Somebody keeps a backup of a place, and later puts it back; a standby that lags is the same for the store. */
#define each_chain(to, from) \
    for (i : 0 .. CHAINS - 1) { \
        to[i].top = from[i].top; \
        for (j : 1 .. LEN - 1) { to[i].cell[j] = from[i].cell[j] } \
    }; \
    i = 0; j = 0

#define each_row(to, from, to_kept, from_kept) \
    for (i : 0 .. METERS - 1) { to[i] = from[i]; to_kept[i] = from_kept[i] }; \
    i = 0

#define whole_memory(to, from) \
    to.top = from.top; to.seen = from.seen; \
    to.printed = from.printed; to.printed_before = from.printed_before; \
    for (j : 1 .. LEN - 1) { to.cell[j] = from.cell[j] }; \
    for (i : 0 .. METERS - 1) { to.row[i] = from.row[i]; to.undo[i] = from.undo[i] }; \
    i = 0; j = 0

/* The copy of the first chain holds whole groups that the store has no more. */
#define LEFT_BEHIND (old_chain[0].top < store[0].top && copy[0].top > old_chain[0].top && \
    (copy[0].top == mem[0].top || (old_chain[0].top < mem[0].seen && copy[0].top >= mem[0].seen)))

proctype world() {
#if PLACES == PLACE_MEMORY
    Memory old;
#else
    Chain old_chain[CHAINS];
    byte old_pk[METERS], old_kept[METERS];
#endif
    byte i, j;

#if PLACES == PLACE_STORE
    d_step { each_chain(old_chain, store); each_row(old_pk, pk, old_kept, kept) }
    if
    :: d_step {
           behind = behind || LEFT_BEHIND;
           each_chain(store, old_chain); each_row(pk, old_pk, kept, old_kept);
           for (i : 0 .. SERVERS - 1) { conn[i] = false };    /* its sessions were with what is gone */
           i = 0;
#if CUTS > 0
           limbo[0].n = 0; limbo[1].n = 0;
#endif
           was_put_back = true
       }
    :: skip
    fi
#elif PLACES == PLACE_ROWS
    d_step { each_row(old_pk, pk, old_kept, kept) }
    d_step { each_row(pk, old_pk, kept, old_kept) }
#elif PLACES == PLACE_MEMORY
    d_step { whole_memory(old, mem[0]) }
    if                                                     /* the process locks it: only while that is down */
    :: d_step { !turn[0] && !ready[0] -> whole_memory(mem[0], old); was_put_back = true }
    :: skip
    fi
#elif PLACES == PLACE_COPY
    d_step { each_chain(old_chain, copy) }
    if
    :: d_step { !turn[0] && !ready[0] && !turn[1] && !ready[1] -> each_chain(copy, old_chain) }
    :: skip
    fi
#elif PLACES == PLACE_STORE_AND_COPY
    d_step { each_chain(old_chain, copy); each_row(old_pk, pk, old_kept, kept) }
    if
    :: d_step {
           !turn[0] && !ready[0] && !turn[1] && !ready[1] ->
           each_chain(copy, old_chain); each_chain(store, old_chain);
           each_row(pk, old_pk, kept, old_kept);
           was_put_back = true
       }
    :: skip
    fi
#endif
}
#endif

#if CUTS > 0
/* The backend of a client that is gone finds the transaction in its socket, and commits it, at any later time. */
proctype backend(byte c) {
    byte d, i, j, s, m, n;
    bool conflict;
    Chain late;
end:
    do
    :: atomic {
           limbo[c].n > 0 ->
           d_step {
               for (s : 0 .. limbo[c].n - 1) { late.cell[limbo[c].first + s] = limbo[c].cell[s] };
               s = 0;
               conflicts(c, limbo[c].first, limbo[c].first + limbo[c].n - 1, late);
               d = 0;
               if
               :: !conflict && store[c].top + 1 >= limbo[c].first ->
                   append(c, limbo[c].first, limbo[c].first + limbo[c].n - 1, late)
               :: else
               fi;
               d = 0; m = 0; conflict = false;
               for (j : 0 .. LEN - 1) { late.cell[j] = 0 };
               j = 0;
               limbo[c].n = 0; limbo[c].first = 0; limbo[c].cell[0] = 0; limbo[c].cell[1] = 0; limbo[c].cell[2] = 0
           }
       }
    od
}
#endif

#ifdef CLONE
/* Another host starts a module from a copy of its memory file, while the first may only be paused. */
proctype takeover() {
    byte i;
    d_step {
        mem[2].top = mem[0].top; mem[2].seen = mem[0].seen;
        mem[2].printed = mem[0].printed; mem[2].printed_before = mem[0].printed_before;
        for (i : 1 .. LEN - 1) { mem[2].cell[i] = mem[0].cell[i] };
        for (i : 0 .. METERS - 1) { mem[2].row[i] = mem[0].row[i]; mem[2].undo[i] = mem[0].undo[i] };
        i = 0
    }
    /* its server is missed by the store, or is not */
    if :: conn[0] = false :: skip fi;
    run server(2, 0)
}
#endif

init {
    byte i;
    atomic {
        for (i : 0 .. METERS - 1) {
            info[i] = INFO(TAKEN, i, 1, 0, 0, 0);           /* both meters were leased at module 0 */
            pk[i] = i; kept[i] = NONE;
            mem[0].row[i] = i; mem[0].undo[i] = i;
            mem[1].row[i] = NONE; mem[1].undo[i] = NONE
        };
        for (i : 0 .. METERS * 4 - 1) { street[i] = NONE };
        i = 0;
        run server(0, 0);
#ifdef CLONE
        run takeover();
#else
        run server(1, 1);
#endif
#if PUT_BACKS > 0
        run world();
#endif
#if CUTS > 0
        run backend(0);
#endif
    }
}

/* Where nothing is put back, whatever is in the street stands in the store, in force, and in the copy (O-17). */
#ifdef O_17
#define item street[1]
#define kept_by_two (item == NONE || item == 0 || (street_stands(item, chain_of(item)) && \
    copy[chain_of(item)].cell[seq_of(item)] == item % 3 + 1))
ltl o_17 { [] kept_by_two }
#endif

/* Whatever happens, the first module comes to a decided end again and again: it works, or is inhibited (O-14). */
#ifdef DECIDED
ltl decided { [] <> (ready[0] || inhibited[0]) }
#endif
