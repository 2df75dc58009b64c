SELECT min(event_time) AS ts,
       request_id,
       direction,
       category,
       kind AS "type",
       count(*) AS "count",
       CASE action WHEN 'flag' THEN 'allow' ELSE action END AS action
FROM finding_details
GROUP BY request_id, direction, category, kind, CASE action WHEN 'flag' THEN 'allow' ELSE action END
