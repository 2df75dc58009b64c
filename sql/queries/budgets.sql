-- Each budget's window: what is charged, what is out in leases, how often it refused.
WITH judged AS (
    -- An entry below the last claim before it in its partition is void.
    SELECT *,
           max(CASE WHEN entry = 'claim' THEN epoch END) OVER (
               PARTITION BY kafka_partition ORDER BY kafka_offset
               ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
           ) AS claimed
    FROM grants
),
valid AS (
    SELECT * FROM judged WHERE epoch >= coalesce(claimed, epoch) AND entry <> 'claim'
),
leases AS (
    SELECT budget_id, lease_id,
           min(window_start) AS window_start, min(window_end) AS window_end,
           sum(amount_usd) AS amount_usd, sum(spent_usd) AS spent_usd,
           count(*) FILTER (WHERE entry = 'settle') AS settled
    FROM valid
    WHERE entry IN ('grant', 'settle')
    GROUP BY budget_id, lease_id
),
spent AS (
    SELECT budget_id, window_start, window_end,
           sum(spent_usd) AS charged_usd,
           sum(CASE WHEN settled = 0 THEN amount_usd END) AS outstanding_usd,
           count(*) AS leases
    FROM leases
    GROUP BY budget_id, window_start, window_end
),
denied AS (
    SELECT budget_id, window_start, count(*) AS denials, max(limit_usd) AS limit_usd
    FROM valid
    WHERE entry = 'deny'
    GROUP BY budget_id, window_start
)
SELECT coalesce(s.budget_id, d.budget_id) AS budget_id,
       coalesce(s.window_start, d.window_start) AS window_start,
       s.window_end,
       coalesce(s.charged_usd, 0) AS charged_usd,
       coalesce(s.outstanding_usd, 0) AS outstanding_usd,
       coalesce(s.leases, 0) AS leases,
       coalesce(d.denials, 0) AS denials,
       d.limit_usd AS limit_when_denied_usd
FROM spent s
FULL JOIN denied d ON d.budget_id = s.budget_id AND d.window_start = s.window_start
ORDER BY window_start DESC, charged_usd DESC, budget_id
