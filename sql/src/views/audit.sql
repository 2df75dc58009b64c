WITH ended AS (
    -- One row each by promise; grouped so that a duplicate could not multiply requests.
    SELECT tenant, request_id,
           max(status) AS status, max(outcome) AS outcome,
           max(CASE action WHEN 'block' THEN 3 WHEN 'redact' THEN 2 ELSE 1 END) AS severity,
           max(latency_us) AS latency_us, max(ttft_us) AS ttft_us
    FROM outcomes
    GROUP BY tenant, request_id
),
counted AS (
    -- What the provider counted. Weir's own counts stand in costs.
    SELECT tenant, request_id,
           sum(input_tokens) AS input_tokens, sum(cache_read_input_tokens) AS cached_tokens,
           sum(output_tokens) AS output_tokens, sum(reasoning_tokens) AS reasoning_tokens
    FROM usage
    WHERE source = 'provider'
    GROUP BY tenant, request_id
),
priced AS (
    SELECT tenant, request_id,
           sum(input_tokens) AS input_tokens, sum(cache_read_input_tokens) AS cached_tokens,
           sum(output_tokens) AS output_tokens, sum(reasoning_tokens) AS reasoning_tokens,
           CASE WHEN count(*) = count(cost_usd) THEN sum(cost_usd) END AS cost_usd
    FROM costs
    GROUP BY tenant, request_id
)
SELECT r.event_time AS ts,
       r.request_id,
       r.tenant,
       r.team,
       r.project,
       r.user_id,
       r.key_id,
       r.app,
       r.app_version,
       r.provider,
       r.request_model AS model,
       r.endpoint,
       r.stream,
       e.status,
       e.outcome,
       CASE coalesce(e.severity, CASE r.action WHEN 'block' THEN 3 WHEN 'redact' THEN 2 ELSE 1 END)
           WHEN 3 THEN 'block' WHEN 2 THEN 'redact' ELSE 'allow' END AS action,
       r.policy_version AS policy,
       coalesce(p.input_tokens, c.input_tokens) AS prompt_tokens,
       coalesce(p.cached_tokens, c.cached_tokens) AS cached_tokens,
       coalesce(p.output_tokens, c.output_tokens) AS completion_tokens,
       coalesce(p.reasoning_tokens, c.reasoning_tokens) AS reasoning_tokens,
       CAST(p.cost_usd AS DECIMAL(18, 9)) AS cost_usd,
       CAST(e.latency_us AS DOUBLE) / 1000 AS latency_ms,
       CAST(e.ttft_us AS DOUBLE) / 1000 AS ttft_ms
FROM requests r
LEFT JOIN ended e ON e.tenant = r.tenant AND e.request_id = r.request_id
LEFT JOIN counted c ON c.tenant = r.tenant AND c.request_id = r.request_id
LEFT JOIN priced p ON p.tenant = r.tenant AND p.request_id = r.request_id
