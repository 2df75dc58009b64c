-- What the guardrails found, by type and action.
SELECT category, "type", direction, action,
       sum("count") AS findings,
       count(DISTINCT request_id) AS requests,
       max(ts) AS last_seen
FROM findings
GROUP BY category, "type", direction, action
ORDER BY findings DESC, category, "type", direction, action
