"""Several robots, one policy: together where it can, apart where one is poison, each as if it were alone."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

from vla.bridge.batcher import ActJob, Batcher
from vla.bridge.client import BridgeClient
from vla.bridge.mailbox import Mailbox
from vla.bridge.payload import unpack_chunk
from vla.bridge.sessions import Episode, Session
from vla.bridge.settings import ServerSettings
from vla.bridge.waiting import Finished
from vla.conformance import sample_observation
from vla.contract import ActionChunk, ActRequest, RobotSpec

Run = Callable[..., list[Finished]]


class Robot:
    """A session and its observations."""

    def __init__(self, spec: RobotSpec, name: str, seed: int = 0) -> None:
        self.spec = spec
        self.session = Session(name.encode(), name, "raw", 1, 0.0, Episode(seed))

    def job(self, instruction: str = "go", seq: int = 1, deadline_s: float = math.inf) -> ActJob:
        observation = sample_observation(self.spec, int.from_bytes(self.session.identity, "big"), float(seq))
        request = ActRequest(observation, instruction)
        return ActJob(self.session, seq, 0.0, deadline_s, request, self.session.episode)


@pytest.fixture
def run() -> Run:
    """Lets a batcher work on jobs that all wait before it starts; returns what it finishes."""

    def work(policy, jobs: list[ActJob], max_batch: int = 8) -> list[Finished]:
        batcher = Batcher(policy, max_batch)
        for job in jobs:
            batcher.waiting.put(job)
        turns: list[Finished] = []
        while batcher.delay_s() == 0:
            turns.append(batcher.answer())
        return turns

    return work


def test_all_that_wait_are_answered_by_one_call(run: Run, batch_policy, spec: RobotSpec) -> None:
    robots = [Robot(spec, name) for name in "abcde"]
    (finished,) = run(batch_policy, [robot.job() for robot in robots])
    assert [len(batch) for batch in batch_policy.batches] == [5]
    assert finished.computed == 5
    for job, reply in finished.answers:
        assert (reply.verb, reply.session, reply.seq) == ("act", job.session.name, job.seq)
        assert isinstance(job, ActJob)
        assert np.array_equal(unpack_chunk(reply, spec).actions[0], job.request.observation.state)


def test_a_batch_has_a_largest_size(run: Run, batch_policy, spec: RobotSpec) -> None:
    run(batch_policy, [Robot(spec, name).job() for name in "abcdefg"], max_batch=3)
    assert [len(batch) for batch in batch_policy.batches] == [3, 3, 1]


def test_seeds_do_not_depend_on_who_else_asks(run: Run, batch_policy, spec: RobotSpec) -> None:
    alone = Robot(spec, "a", seed=5)
    for seq in (1, 2):
        run(batch_policy, [alone.job(seq=seq)])
    seeds = [batch[0].seed for batch in batch_policy.batches]
    batch_policy.batches.clear()
    robots = [Robot(spec, "a", seed=5), Robot(spec, "b", seed=6), Robot(spec, "c", seed=5)]
    for seq in (1, 2):
        run(batch_policy, [robot.job(seq=seq) for robot in robots])
    assert [batch[0].seed for batch in batch_policy.batches] == seeds
    assert [batch[2].seed for batch in batch_policy.batches] == seeds
    assert [batch[1].seed for batch in batch_policy.batches] != seeds
    assert batch_policy.seeds == []  # nobody's reset disturbs the others


@pytest.mark.parametrize("poison", ["explode", "nonsense"])
def test_one_poisonous_request_fails_alone(run: Run, batch_policy, spec: RobotSpec, poison: str) -> None:
    jobs = [Robot(spec, name).job(poison if name == "b" else "go") for name in "abc"]
    (finished,) = run(batch_policy, jobs)
    verdicts = {job.session.name: reply for job, reply in finished.answers}
    assert {name: reply.verb for name, reply in verdicts.items()} == {"a": "act", "b": "error", "c": "act"}
    assert verdicts["b"].body["code"] == "policy_failed"
    retried = [request.seed for batch in batch_policy.batches[1:] for request in batch]
    assert retried == ([request.seed for request in batch_policy.batches[0]] if poison == "explode" else [])


def test_a_policy_that_loses_an_answer_fails_nobody_else(run: Run, batch_policy, spec: RobotSpec) -> None:
    whole = batch_policy.act_batch
    batch_policy.act_batch = lambda requests: whole(requests)[: max(1, len(requests) - 1)]
    (finished,) = run(batch_policy, [Robot(spec, name).job() for name in "abc"])
    assert [reply.verb for _, reply in finished.answers] == ["act"] * 3


def test_what_is_too_late_is_told_so_and_not_computed(run: Run, batch_policy, spec: RobotSpec) -> None:
    past, future = time.monotonic() - 1, time.monotonic() + 1000
    jobs = [Robot(spec, "a").job(deadline_s=past), Robot(spec, "b").job(deadline_s=future)]
    (finished,) = run(batch_policy, jobs)
    assert finished.computed == 1
    codes = {job.session.name: reply.body.get("code") for job, reply in finished.answers}
    assert codes == {"a": "too_late", "b": None}
    assert [len(batch) for batch in batch_policy.batches] == [1]
    assert jobs[0].episode.acts == 0  # it used up no seed


def test_a_policy_with_a_memory_is_reset_when_the_episode_changes(policy, spec: RobotSpec) -> None:
    robot, batcher = Robot(spec, "a", seed=3), Batcher(policy)
    assert not batcher.batches
    for seq in range(1, 7):
        if seq == 4:
            robot.session.episode = Episode(8)
        batcher.waiting.put(robot.job(seq=seq))
        batcher.answer()
    assert policy.seeds == [3, 8]


def test_a_hanging_policy_shows(policy, spec: RobotSpec, until) -> None:
    batcher = Batcher(policy)
    assert batcher.busy_s == 0
    policy.gate.clear()
    batcher.waiting.put(Robot(spec, "a").job())
    worker = threading.Thread(target=batcher.answer)
    worker.start()
    until(lambda: batcher.busy_s > 0.01)
    policy.gate.set()
    worker.join()
    assert batcher.busy_s == 0


def test_a_turn_waits_for_those_whom_the_last_one_answered(batch_policy, spec: RobotSpec) -> None:
    robots = [Robot(spec, name) for name in "abc"]
    batcher = Batcher(batch_policy, window_s=1000.0)
    assert batcher.delay_s() == math.inf
    for robot in robots:
        batcher.waiting.put(robot.job())
        assert batcher.delay_s() == 0.0, "an idle policy waits for nobody"
    batcher.answer()
    for robot in robots[:2]:
        batcher.waiting.put(robot.job(seq=2))
        assert 990.0 < batcher.delay_s() <= 1000.0
    batcher.waiting.put(robots[2].job(seq=2))
    assert batcher.delay_s() == 0.0
    batcher.answer()
    assert [len(batch) for batch in batch_policy.batches] == [3, 3]


def test_whoever_stays_away_is_waited_for_no_longer_than_the_window(batch_policy, spec: RobotSpec) -> None:
    batcher = Batcher(batch_policy, window_s=0.02)
    for name in "ab":
        batcher.waiting.put(Robot(spec, name).job())
    batcher.answer()
    alone = Robot(spec, "a")
    batcher.waiting.put(alone.job(seq=2))
    time.sleep(batcher.delay_s())
    assert batcher.delay_s() == 0.0
    batcher.answer()
    batcher.waiting.put(alone.job(seq=3))
    assert batcher.delay_s() == 0.0, "the last turn answered one robot"


def test_robots_on_real_sockets_are_answered_together(serve, batch_policy, spec: RobotSpec, until) -> None:
    server = serve(batch_policy, settings=ServerSettings(max_batch=4))
    clients = [BridgeClient(server.endpoint, spec, timeout_s=10.0) for _ in range(5)]
    try:
        for seed, client in enumerate(clients):
            client.hello()
            client.reset(seed)
        batch_policy.gate.clear()
        clients[0].request_act(sample_observation(spec, 0, 0.0), "go")
        until(lambda: batch_policy.stamps)
        for i, client in enumerate(clients[1:], 1):
            client.request_act(sample_observation(spec, i, float(i)), "go")
            client.health()
        batch_policy.gate.set()
        for i, client in enumerate(clients):
            (reply,) = client.poll(10.0)
            assert isinstance(reply.value, ActionChunk)
            assert reply.value.start_s == float(i)
        assert [len(batch) for batch in batch_policy.batches] == [1, 4]
        assert clients[0].health()["batch_mean"] == 2.5
    finally:
        for client in clients:
            client.close()


def test_a_mailbox_is_readable_while_it_holds_something() -> None:
    mailbox: Mailbox[int] = Mailbox()
    posts = [threading.Thread(target=mailbox.post, args=(i,)) for i in range(20)]
    for post in posts:
        post.start()
    got: list[int] = []
    while len(got) < 20:
        got += mailbox.take()
    assert sorted(got) == list(range(20))
    assert mailbox.take() == []
    mailbox.close()
    mailbox.post(1)  # a worker left behind may still post
    mailbox.close()
