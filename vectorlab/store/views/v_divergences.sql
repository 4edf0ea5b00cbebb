SELECT g.id AS generation_id,
       g.run_id,
       g.prompt,
       g.arm,
       g.sample,
       g.n_tokens,
       g.mean_kl,
       g.mean_logprob,
       g.baseline_mean_logprob
FROM generations g
WHERE g.kl IS NOT NULL
