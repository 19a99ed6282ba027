/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger_story.h"

/* How an SA ends: DELSA, hard EXPIRE, FLUSHSA, or missing from dumps. */

CHAPTER(ledger_setup, ledger_teardown);

TEST(how_an_sa_ends)
{
	static const struct ledger_story stories[] = {
	    {"DELSA is exact",
	     "dump; NEWSA A; dump A=500; DELSA A=777; dump; life 0 1 1; sent 777; "
	     "rekeys 0; counts 0 0 0; losses 0"},
	    {"hard EXPIRE is exact",
	     "dump; NEWSA A; dump A=500; EXPIRE A=777; life 0 1 1; dump; "
	     "life 0 1 1; sent 777; counts 0 0 0; losses 0"},
	    {"hard EXPIRE without traffic", "dump A; EXPIRE A; dump; life 0 1 1"},
	    {"soft EXPIRE and policies change nothing",
	     "dump A=500; EXPIRE_SOFT A=600; life 1 1 0; sent 500; POLICY A; "
	     "OTHER A; dump A=700; life 1 1 0; sent 700; wants 0"},
	    /* A dump that shows the SA again makes the first absence void. */
	    {"missing from one dump",
	     "dump A=500; dump; life 1 1 0; wants 1; dump A=600; life 1 1 0; "
	     "wants 0; dump; life 1 1 0; sent 600; losses 0"},
	    {"missing from two dumps",
	     "dump A=500; dump; dump; life 0 1 1; sent 500; losses 1; wants 0; "
	     "counts 0 0 0"},
	    {"DELSA during the dump that does not show it",
	     "dump A=500; begin; DELSA A=600; end; dump; life 0 1 1; sent 600; "
	     "losses 0"},
	    {"DELSA after the dump that does not show it",
	     "dump A=500; dump; DELSA A=600; dump; life 0 1 1; sent 600; losses 0"},
	    /* Its last bytes still count; its deletion counts once. */
	    {"DELSA of an SA that is lost already",
	     "dump A=500; dump; dump; DELSA A=600; dump; life 0 1 1; sent 600"},
	    {"DELSA during the dump that showed it",
	     "dump A=500; begin; show A=600; DELSA A=650; end; dump; life 0 1 1; "
	     "sent 650"},
	    {"NEWSA and DELSA during the dump that showed it",
	     "dump; begin; show A=600; NEWSA A; DELSA A=650; end; dump; "
	     "life 0 1 1; sent 650"},
	    {"EXPIRE during the dump that showed it",
	     "dump; begin; show A=600; EXPIRE A=650; end; dump; life 0 1 1; "
	     "sent 650"},
	    /* The final counters are complete without it. */
	    {"its NEWSA was lost",
	     "dump; DELSA A=600; dump; life 0 1 1; sent 600; EXPIRE D=70; dump; "
	     "life 0 2 2; received 70; counts 0 0 0"},
	    {"all between two polls",
	     "dump; NEWSA A; DELSA A=600; dump; life 0 1 1; sent 600"},
	};

	LEDGER_PLAY_ALL(stories);
}

TEST(flush_of_everything)
{
	POLL(with_traffic(out_sa(1), 500, 5), with_traffic(in_sa(2), 300, 3),
	     larval(in_sa(3)));
	event_without_sa(SA_EVENT_FLUSH);
	ck_assert(ledger_wants_dump(ledger));
	POLL_NONE();
	life_is(0, 2, 2);
	IS(confidential_bytes_sent, 500);
	IS(confidential_bytes_received, 300);
	IS(pending_key_operations, 0);
	IS(active_tunnels, 0);
	counts_are(0, 0, 0);
	losses_are(2);
	ck_assert(!ledger_wants_dump(ledger));
}

/* AH SAs were not flushed: they are missing for another reason, which an event or the
 * next dump may show. */
TEST(flush_of_one_protocol)
{
	struct sa ah = out_sa(2);

	ah.proto = IPPROTO_AH;
	POLL(out_sa(1), ah);
	flush_of(IPPROTO_ESP);
	POLL_NONE();
	life_is(1, 2, 1);
	ck_assert(ledger_wants_dump(ledger));
	event(SA_EVENT_DELETE, with_traffic(ah, 100, 1));
	POLL_NONE();
	life_is(0, 2, 2);
	IS(authenticated_bytes_sent, 100);
	losses_are(1);
}

TEST(flush)
{
	static const struct ledger_story stories[] = {
	    {"new SAs after it",
	     "dump A=500; FLUSHSA; later A 2; NEWSA A; NEWSA C; dump C=10 A=20; "
	     "life 2 3 1; sent 530; losses 1"},
	    /* It showed the SA before the flush: only the next dump can settle it. */
	    {"during the dump",
	     "dump A=500; begin; show A=600; FLUSHSA; end; wants 1; sent 600; "
	     "dump; life 0 1 1; sent 600; wants 0"},
	    {"before a dump that is cut short",
	     "dump A; FLUSHSA; begin; abort; wants 1; dump; life 0 1 1"},
	    /* What a dump shows after a flush is younger than the flush, so the flush
	     * does not explain why a later dump does not show it. */
	    {"the dump shows another SA of the same second",
	     "dump A=500; FLUSHSA; dump A=100; life 1 2 1; sent 600; dump; "
	     "life 1 2 1; dump A=200; life 1 2 1; sent 700; losses 1"},
	    {"the dump shows another SA before its NEWSA",
	     "dump A=500; FLUSHSA; begin; show A=700; NEWSA A; end; life 1 2 1; "
	     "sent 1200; rekeys 0; dump A=800; DELSA A=900; dump; life 0 2 2; "
	     "sent 1400; losses 1"},
	    /* Neither event was read before the dump, so it may have shown either SA:
	     * the sample counts when the next dump shows the SA again. */
	    {"another SA of its key during the dump",
	     "dump A=500; begin; show A=700; FLUSHSA; NEWSA A; end; life 1 2 1; "
	     "sent 500; dump A=800; sent 1300; losses 1"},
	    /* The dump showed C before its NEWSA; it was not flushed. */
	    {"NEWSA after the end of the dump",
	     "dump A=500; begin; show C=70; FLUSHSA; end; NEWSA C; dump C=80; "
	     "life 1 2 1; sent 580; losses 1"},
	    /* No move: a flushed SA cannot move. */
	    {"another SA between other ends",
	     "dump A=500; FLUSHSA; dump B=700; life 1 2 1; sent 1200; losses 1"},
	    {"UPDSA over a larval SA that no dump showed",
	     "dump A=500; FLUSHSA; UPDSA A; dump A=700; life 1 2 1; sent 1200; "
	     "losses 1"},
	    /* All SAs ended at once, so none replaced another. */
	    {"no rekey", "dump; later C 1; NEWSA A; NEWSA C; dump C A; FLUSHSA; dump; "
			 "life 0 2 2; rekeys 0"},
	};

	LEDGER_PLAY_ALL(stories);
}
