# SPDX-License-Identifier: Apache-2.0
"""Steady load that remembers what every call was told."""
import http.client
import json
import random
import threading


class Load:
    """Threads that call, each on its own connection, until stopped."""

    def __init__(self, house, key, threads=8, seed=1):
        self.house, self.key = house, key
        self.whole = {}    # request id -> output tokens of whole replies
        self.refused = {}  # status -> count
        self.broken = 0    # connections that failed under way
        self.started = 0   # calls sent
        self.lock = threading.Lock()
        self.is_over = False
        self.threads = [threading.Thread(target=self.run, args=(seed + n,))
                        for n in range(threads)]

    def one(self, connection, dice):
        tokens = dice.randrange(1, 40)
        stream = dice.random() < 0.5
        script = f"in={dice.randrange(1, 500)};"
        script += (f"events={tokens};gap={dice.choice([0, 0, 2])}" if stream
                   else f"out={tokens};delay={dice.choice([0, 0, 5])}")
        body = json.dumps({
            "model": "only-near", "stream": stream, "max_tokens": 100,
            "messages": [{"role": "user", "content": "x" * 300}],
            "metadata": {"origin": script}})
        with self.lock:
            self.started += 1
        connection.request("POST", "/v1/chat/completions", body,
                           {"Authorization": "Bearer " + self.key})
        reply = connection.getresponse()
        content = reply.read()
        if reply.status != 200:
            with self.lock:
                self.refused[reply.status] = \
                    self.refused.get(reply.status, 0) + 1
            return reply.will_close
        is_whole = content.rstrip().endswith(b"[DONE]" if stream else b"}")
        request = reply.headers["weir-request-id"]
        with self.lock:
            if is_whole:
                self.whole[request] = tokens
            else:
                self.broken += 1
        return reply.will_close or not is_whole

    def run(self, seed):
        dice = random.Random(seed)
        connection = None
        while not self.is_over:
            try:
                if connection is None:
                    connection = http.client.HTTPConnection(
                        "127.0.0.1", self.house.weir.port, timeout=15)
                if self.one(connection, dice):
                    connection.close()
                    connection = None
            except (OSError, http.client.HTTPException):
                with self.lock:
                    self.broken += 1
                connection = None
                threading.Event().wait(0.02)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.is_over = True
        for thread in self.threads:
            thread.join(40)
