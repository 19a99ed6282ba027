/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger_story.h"

CHAPTER(ledger_setup, ledger_teardown);

/*
 * XFRM_MSG_NEWAE sets curlft, add_time included, and no event shows it. A dataplane
 * publishes its counters that way; afterwards the same SA shows another add_time.
 */

TEST(publications)
{
	static const struct ledger_story stories[] = {
	    {"in steps",
	     "dump; NEWSA A; time A 7; dump A=1000; time A 14; dump A=2000; "
	     "time A 21; dump A=3000; time A 28; dump A=4000; time A 35; "
	     "dump A=5000; time A 42; dump A=6000; time A 49; dump A=7000; "
	     "time A 56; dump A=8000; life 1 1 0; sent 8000; counts 1 0 0; "
	     "losses 0; wants 0"},
	    {"before its first dump, then NEWSA",
	     "dump; begin; time A ?; show A=700; time A 0; NEWSA A; end; "
	     "life 1 1 0; sent 700; time A ?; dump A=900; life 1 1 0; sent 900; "
	     "counts 1 0 0; losses 0"},
	    {"before its first dump, then UPDSA",
	     "dump; begin; time A ?; show A=700; time A 0; UPDSA A; end; "
	     "life 1 1 0; sent 700; time A ?; dump A=900; life 1 1 0; sent 900; "
	     "counts 1 0 0; losses 0"},
	    {"set back, then ended",
	     "dump A=500; begin; time A ?; show A=100; DELSA A=300; end; dump; "
	     "life 0 1 1; sent 700; losses 1"},
	    /* The dump shows the second SA, since DELSA shows the time of the first. */
	    {"another SA of its key during the dump",
	     "time A ?; dump A=500; begin; time A 60; show A=200; time A ?; "
	     "DELSA A=600; time A 60; NEWSA A; end; sent 800; dump A=250; "
	     "life 1 2 1; sent 850; losses 0"},
	    /* NEWSA shows another time and fewer bytes: no move, but first packets. */
	    {"another SA between other ends",
	     "dump A=2000; DELSA A=2600; time B 5; NEWSA B=100; dump B=300; "
	     "life 1 2 1; sent 2900; losses 0"},
	    {"after MIGRATE with fewer bytes",
	     "dump A=500; MIGRATE; time B ?; dump B=100; life 1 1 0; sent 500; "
	     "losses 1; dump B=150; sent 550"},
	    {"after MIGRATE with more bytes",
	     "dump A=500; MIGRATE; time B ?; dump B=700; life 1 1 0; sent 700; "
	     "losses 0; dump B=750; sent 750"},
	    {"after MIGRATE, then ended",
	     "dump A=500; begin; time A 3; show A=600; MIGRATE; time B 5; "
	     "DELSA B=700; end; dump; life 0 1 1; sent 700"},
	    /* The dump began before the flush, and shows the SA. */
	    {"then FLUSHSA",
	     "dump A=500; begin; time A ?; show A=600; FLUSHSA; end; dump; "
	     "life 0 1 1; sent 600; losses 1"},
	    /* A later SA is not flushed, whatever time it shows. */
	    {"after FLUSHSA",
	     "dump A=500; FLUSHSA; begin; time A ?; show A=700; time A 1; NEWSA A; "
	     "end; life 1 2 1; sent 1200; time A ?; dump A=800; life 1 2 1; "
	     "sent 1300; losses 1"},
	    /* The dump may have shown either SA. */
	    {"then FLUSHSA and another SA during the dump",
	     "dump A=500; begin; time A 7; show A=700; FLUSHSA; time A 9; NEWSA A; "
	     "end; wants 1; dump A=100; life 1 2 1; sent 600; losses 1"},
	    /* Of the two samples after it, only the first is lower. */
	    {"set back in a dump that is cut short",
	     "dump A=500; begin; time A 7; show A=100; abort; time A 8; "
	     "dump A=800; life 1 1 0; sent 1200; losses 1; counts 1 0 0"},
	    /* A late DELSA. */
	    {"of a lost SA",
	     "dump A=500; dump; dump; time A 4; DELSA A=600; dump; life 0 1 1; "
	     "sent 600"},
	};

	LEDGER_PLAY_ALL(stories);
}

/* Each counter can be set back independently. */
TEST(published_and_set_back)
{
	for (size_t i = 0; i < MADE_UP; i++) {
		struct sa sa = with_traffic(in_sa(1), 5000, 50);

		ledger_again();
		sa.replay_protected = true;
		sa.sample.integrity_failed = 3;
		POLL(sa);
		sa = published(sa, made_up[i], 1000);
		POLL(sa);
		life_is(1, 1, 0);
		IS(confidential_bytes_received, 5000);
		IS(packets_with_replay_detection, 50);
		losses_are(1);
		sa.sample.integrity_failed = 4;
		POLL(with_traffic(sa, 1200, 12));
		IS(confidential_bytes_received, 5200);
		IS(packets_with_replay_detection, 52);
		IS(packets_not_authenticated, 4);
		losses_are(1);
		POLL(with_traffic(sa, 1500, 0));
		IS(confidential_bytes_received, 5500);
		IS(packets_with_replay_detection, 52);
		losses_are(2);
		life_is(1, 1, 0);
	}
}

/* DELSA and hard EXPIRE show the last add_time. The dump has shown another one, the
 * same, or not the SA at all. */
TEST(published_then_ended)
{
	for (size_t i = 0; i < MADE_UP * MADE_UP * 4; i++) {
		struct sa last = published(out_sa(1), made_up[i / 4 % MADE_UP], 900);

		ledger_again();
		POLL(published(out_sa(1), T0, 500));
		begin();
		if (i % 2)
			show(published(out_sa(1), made_up[i / 4 / MADE_UP], 700));
		if (i / 2 % 2)
			event(SA_EVENT_DELETE, last);
		else
			hard_expire(last);
		finish();
		POLL_NONE();
		life_is(0, 1, 1);
		IS(confidential_bytes_sent, 900);
		counts_are(0, 0, 0);
		losses_are(0);
	}
}

TEST(published_then_moved)
{
	static const struct {
		unsigned deleted, preloaded, dumped;
		unsigned sent, losses;
		bool same_time; /* NEWSA shows the add_time of DELSA */
	} cases[] = {
	    /* The keying daemon reads the counters before it deletes the SA, so it may
	     * preload less than DELSA shows. */
	    {2600, 2500, 3000, 3100, 0, false},
	    {600, 600, 700, 2100, 1, true}, /* set back */
	};

	for (size_t i = 0; i < 2 * ROADS * MADE_UP; i++) {
		const char *const *road = roads[i / 2 % ROADS];
		uint64_t add_time = made_up[i / 2 / ROADS];
		struct sa to = moved(out_sa(1), road[0], road[1]);
		uint64_t new_time = cases[i % 2].same_time ? add_time : T0 + 5;

		ledger_again();
		POLL(published(out_sa(1), T0, 2000));
		event(SA_EVENT_DELETE,
		      published(out_sa(1), add_time, cases[i % 2].deleted));
		event(SA_EVENT_NEW, published(to, new_time, cases[i % 2].preloaded));
		POLL(published(to, T0 + 9, cases[i % 2].dumped));
		life_is(1, 1, 0);
		IS(confidential_bytes_sent, cases[i % 2].sent);
		IS(active_tunnels, 1);
		losses_are(cases[i % 2].losses);
	}
}

/* The order of siblings is that of their NEWSA, whatever add_time they show later. */
TEST(published_then_rekeyed_after_a_move)
{
	struct sa old = published(out_sa(1), T0 + 1000, 100);
	struct sa young = out_sa(2);

	young.add_time += 60;
	POLL_NONE();
	event(SA_EVENT_NEW, out_sa(1));
	event(SA_EVENT_NEW, young);
	POLL(young, old);
	young = move(young, "10.0.0.2", "192.0.2.9");
	old = move(old, "10.0.0.2", "192.0.2.9");
	POLL(old, young);
	life_is(2, 2, 0);
	event(SA_EVENT_DELETE, old);
	POLL(young);
	IS(rekeys, 1);
}

TEST(published_without_a_direction)
{
	blind = true;
	POLL(published(out_sa(1), T0, 500));
	POLL(published(out_sa(1), T0 + 5, 600));
	blind = false;
	POLL(published(out_sa(1), T0 + 9, 700));
	life_is(1, 1, 0);
	IS(confidential_bytes_sent, 700);
	IS(active_tunnels, 1);
	losses_are(0);
}

/* It counts once among the kernel's SAs. */
TEST(publication_of_ipcomp)
{
	struct sa comp = larval(out_sa(0x1234));

	comp.proto = IPPROTO_COMP;
	POLL_NONE();
	event(SA_EVENT_NEW, comp);
	POLL(published(comp, T0 + 9, 100));
	counts_are(0, 0, 1);
	event(SA_EVENT_DELETE, published(comp, T0 + 12, 100));
	counts_are(0, 0, 0);
}
