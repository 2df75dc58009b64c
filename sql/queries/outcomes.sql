-- How requests ended; `open` where they have not.
SELECT coalesce(outcome, 'open') AS outcome, status, action,
       count(*) AS requests,
       round(approx_percentile_cont(0.5) WITHIN GROUP (ORDER BY latency_ms), 1) AS p50_ms,
       round(approx_percentile_cont(0.99) WITHIN GROUP (ORDER BY latency_ms), 1) AS p99_ms
FROM audit
GROUP BY outcome, status, action
ORDER BY requests DESC, outcome, status, action
