WITH numbered AS (
    SELECT 'requests' AS topic, ingress_id, boot_epoch, seq FROM requests
    UNION ALL
    SELECT 'chunks' AS topic, ingress_id, boot_epoch, seq FROM chunks
    UNION ALL
    SELECT 'usage' AS topic, ingress_id, boot_epoch, seq FROM usage
    UNION ALL
    SELECT 'outcomes' AS topic, ingress_id, boot_epoch, seq FROM outcomes
    UNION ALL
    SELECT 'intents' AS topic, ingress_id, boot_epoch, seq FROM intents
),
seen AS (
    SELECT topic, ingress_id, boot_epoch, seq,
           -- The first number of a stream is 0.
           coalesce(lag(seq) OVER (PARTITION BY topic, ingress_id, boot_epoch ORDER BY seq), -1) AS before
    FROM numbered
)
SELECT topic, ingress_id, boot_epoch,
       before + 1 AS first_missing,
       seq - 1 AS last_missing,
       seq - before - 1 AS missing
FROM seen
WHERE seq - before > 1
