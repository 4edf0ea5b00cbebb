-- One row per blind vote on two texts.
SELECT v.id AS vote_id,
       l.run_id AS left_run_id,
       l.prompt AS left_prompt_index,
       a.label AS left_arm,
       l.text AS left_text,
       r.run_id AS right_run_id,
       r.prompt AS right_prompt_index,
       b.label AS right_arm,
       r.text AS right_text,
       v.left_generation_id,
       v.right_generation_id,
       v.choice,
       v.question,
       v.voter,
       v.created_at
FROM votes v
JOIN generations l ON l.id = v.left_generation_id
JOIN run_arms a ON a.run_id = l.run_id AND a.position = l.arm
JOIN generations r ON r.id = v.right_generation_id
JOIN run_arms b ON b.run_id = r.run_id AND b.position = r.arm
