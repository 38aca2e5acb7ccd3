-- SPDX-License-Identifier: Apache-2.0
-- wrk script: one body from BENCH_BODY, posted again and again; with
-- BENCH_DELAY_MS each connection waits so long between two calls, with
-- BENCH_VARIES each call has another `user` and no two bodies are the same.
-- The result is one line of JSON on standard output, after "RESULT ".
local file = assert(io.open(os.getenv("BENCH_BODY"), "rb"))
wrk.method = "POST"
wrk.body = file:read("*a")
file:close()
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer " .. (os.getenv("BENCH_KEY") or "none")

if os.getenv("BENCH_VARIES") == "1" then
  local rest = wrk.body:sub(2)
  local run = os.getenv("BENCH_RUN")
  local count = 0
  function request()
    count = count + 1
    return wrk.format(nil, nil, nil, string.format(
      '{"user":"%s-%d",', run, count) .. rest)
  end
end

local pause = tonumber(os.getenv("BENCH_DELAY_MS") or "0")
if pause > 0 then
  function delay()
    -- spread by half, so that connections do not march in step
    return pause * (0.5 + math.random())
  end
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"requests": %d, "seconds": %.6f, "p50_us": %.1f, ' ..
    '"p99_us": %.1f, "max_us": %.1f, "bytes": %d, "failed": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50),
    latency:percentile(99), latency.max, summary.bytes,
    errors.connect + errors.read + errors.write + errors.status +
    errors.timeout))
end
