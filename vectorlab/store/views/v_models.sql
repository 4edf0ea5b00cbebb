-- One row per registered model.
SELECT id AS model_id,
       name AS model_name,
       source,
       revision,
       fingerprint AS model_fingerprint,
       architecture,
       n_layers,
       d_model,
       n_parameters,
       vocabulary_size,
       context_length,
       weights_sha256,
       config_sha256,
       tokenizer_sha256,
       chat_template_sha256,
       trust_remote_code,
       created_at
FROM models
