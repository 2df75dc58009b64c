-- What each day (UTC) cost, by team.
SELECT date, tenant, team,
       sum(requests) AS requests,
       sum(cost_usd) AS cost_usd,
       sum(unpriced) AS unpriced
FROM spend_by_day
GROUP BY date, tenant, team
ORDER BY date DESC, cost_usd DESC NULLS LAST, tenant, team
