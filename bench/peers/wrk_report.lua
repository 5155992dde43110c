-- Prints what the suite needs of one wrk run as one line. Defines no request(): the request stays static.
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("peers-result %d %d %d %d %d\n", summary.requests, summary.bytes,
    summary.duration, e.status, e.connect + e.read + e.write + e.timeout))
end
