-- The fifty requests that took longest.
SELECT ts, request_id, team, model, stream, outcome, latency_ms, ttft_ms, completion_tokens
FROM audit
WHERE latency_ms IS NOT NULL
ORDER BY latency_ms DESC, request_id
LIMIT 50
