"""What a person would tune in each program (`main`), and what nobody may (`never`); written before the tuner saw them.

A name is the last part of a constant's, such as ``lr`` for ``train.lr``; with dots it is its end. ``=3.0`` is any constant of
that value. `runs` says whether the program runs with what the tests have installed.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Expected:
    """The opinion of a person on a program."""

    kind: str
    metric: str
    main: str
    never: str
    runs: bool = True


PROGRAMS = {
    "wine_forest": Expected("sklearn", "f1", "n_estimators max_depth min_samples_leaf", "test_size random_state n_jobs average stratify"),
    "digits_pipeline": Expected("sklearn", "accuracy", "n_components C gamma", "n_class random_state cache_size cv n_jobs =400"),
    "moons_mlp": Expected("sklearn", "accuracy", "hidden_layer_sizes[0] hidden_layer_sizes[1] alpha learning_rate_init batch_size max_iter", "n_samples noise random_state tol verbose =300"),
    "diabetes_blend": Expected("sklearn", "rmse", "n_estimators learning_rate subsample max_depth Ridge.alpha Lasso.alpha n_neighbors", "SPLIT RANDOM_STATE random_state"),
    "logreg_scratch": Expected("functions", "val_loss", "lr epochs l2 momentum", "n d noise seed verbose eps =10 =200"),
    "gridworld_q": Expected("functions", "mean_return", "episodes alpha gamma epsilon", "GRID_W GRID_H n_eval limit =-0.04 =3"),
    "kmeans_own": Expected("functions", "silhouette", "k iterations restarts", "tolerance scale loc size =0.6 =5"),
    "linucb": Expected("functions", "reward", "alpha ridge forget", "n_arms dim noise seed rounds"),
    "config_dataclass": Expected("dataclass", "val_mse", "learning_rate batch_size hidden dropout epochs betas[0] betas[1]", "seed device num_workers log_every val_fraction run_name =0.5"),
    "hyper_class": Expected("class", "fitness", "POP ELITE MUTATION_RATE CROSSOVER GENERATIONS", "GENOME_LENGTH ENABLED INTERVAL =99"),
    "pid_params": Expected("class", "iae", "kp ki kd", "mass drag max_force dt duration setpoint"),
    "gpt_config": Expected("nanogpt", "val_loss", "n_layer n_head n_embd dropout learning_rate max_iters batch_size weight_decay", "vocab_size flops_promised =312e12 eval_interval eval_iters log_interval eps =200 running_mfu.weight =1337"),
    "dict_config": Expected("dict", "accuracy", "lr momentum batch epochs hidden", "seed log_dir save n_classes =600 =480 =0.5"),
    "lgb_params": Expected("dict", "AUC", "learning_rate num_leaves feature_fraction bagging_fraction lambda_l1 lambda_l2 min_child_samples num_boost_round", "NFOLDS n_splits random_state seed num_threads verbosity shuffle log_evaluation period", False),
    "xgb_house": Expected("dict", "rmse", "eta max_depth subsample colsample_bytree min_child_weight reg_lambda num_boost_round", "nthread silent nfold seed verbose_eval random_state frac show_stdv", False),
    "nested_settings": Expected("dict", "mse", "features length_scale ridge", "n_points noise_sd train_share digits precision =8 =-3"),
    "argparse_ridge": Expected("argparse", "test_mse", "degree l2 lr steps", "seed n-samples noise test-fraction out"),
    "vit_args": Expected("argparse", "accuracy", "batch-size epochs lr gamma Dropout.p", "test-batch-size seed log-interval save-model dry-run no-accel num_workers =9216 =0.1307 =0.3081", False),
    "click_markov": Expected("argparse", "bits_per_char", "order smoothing interpolate", "held-out verbose", False),
    "argparse_choices": Expected("argparse", "F1", "window filter threshold refractory", "fs duration plot =1e-9 =4 =0.6"),
    "evolve_binpack": Expected("evolve", "efficiency", "waste_penalty =2.5 =1.5", "capacity =100 =2024 =120 =65"),
    "evolve_circles": Expected("evolve", "sum_radii", "inner_radius outer_radius", "TARGET_VALUE n =26 =2.635"),
    "evolve_priority": Expected("evolve", "size", "balance_weight =1.3 =0.25", "=4 powers repeat"),
    "evolve_tsp": Expected("evolve", "tour_length", "INITIAL_TEMPERATURE COOLING ITERATIONS", "N_CITIES CITY_SEED =100 =1e-9"),
    "json_evaluator": Expected("json", "makespan", "lookahead slack_weight priority_power", "VERSION PENALTY_PER_VIOLATION N_INSTANCES machines indent =20 =31"),
    "result_dict": Expected("json", "accuracy", "alpha threshold unknown", "schema n =2"),
    "cache_policy": Expected("json", "hit_rate", "freq_weight recency_weight half_life", "length keys skew seed size"),
    "pandas_crossover": Expected("pandas", "Sharpe ratio", "window =50 =10 span", "FEE =252 =1000 periods =100 =0.0004"),
    "pandas_smoothing": Expected("pandas", "MAPE", "ALPHA BETA GAMMA", "SEASON periods =84 =12 =200 =100"),
    "pandas_anomaly": Expected("pandas", "F1 score", "window n_sigmas", "n n_anomalies seed =0.3 =1500 =25"),
    "pandas_recommender": Expected("pandas", "RMSE", "n_factors n_epochs reg step_size init_scale", "n_users n_items frac random_state =0.4 =0.3"),
    "torch_loop": Expected("torch", "val_loss", "width p_drop lr weight_decay betas[0] betas[1] batch_size label_smoothing", "num_workers eps =800 =600 =0.5"),
    "keras_mnist": Expected("keras", "Test accuracy", "Dropout.rate batch_size epochs learning_rate", "num_classes epsilon verbose validation_split =512 =255", False),
    "rnn_forecast": Expected("torch", "test_mse", "HIDDEN_SIZE NUM_LAYERS LEARNING_RATE NUM_EPOCHS BATCH_SIZE", "PRINT_EVERY PEAK_GB_PER_S =400 =300 =0.2"),
    "nano_globals": Expected("nanogpt", "val loss", "batch_size n_embd dropout learning_rate max_iters weight_decay beta1 beta2 grad_clip warmup_iters", "eval_interval log_interval eval_iters eval_only always_save_checkpoint wandb_log compile out_dir"),
    "boids": Expected("simulation", "order", "cohesion alignment separation radius max_speed", "N_BOIDS STEPS BOX =1e-9 =1e-6"),
    "inventory_sim": Expected("simulation", "cost_per_day", "REORDER_POINT ORDER_UP_TO", "HOLDING_COST BACKORDER_COST FIXED_ORDER_COST LEAD_TIME MEAN_DEMAND DAYS"),
    "mcmc": Expected("simulation", "ess", "proposal_scale burn_in thin", "TRUE_MEAN TRUE_SD =50 =0.05 =1500"),
    "elevator": Expected("simulation", "mean wait", "direction_bonus load_penalty idle_floor_weight", "floors speed door_time arrival_rate seconds n_lifts seed"),
    "connect4_ai": Expected("game", "win_rate", "CENTER_WEIGHT THREE_SCORE TWO_SCORE OPPONENT_THREE_PENALTY DEPTH", "ROWS COLS N_GAMES WIN_SCORE =100"),
    "nim_mcts": Expected("game", "win rate", "c greedy_prob simulations", "games start_heap seed =1e-9"),
    "sql_search": Expected("text", "recall@2", "K1 B TITLE_BOOST", "DB_PAGE_SIZE timeout TOP_K =100"),
    "text_classifier": Expected("text", "brier_score", "C max_df max_features ngram_range[1]", "=4 =36 =12"),
    "ecg_filter": Expected("signal", "SNR", "Q low high order window_length polyorder", "FS DURATION HEART_RATE fs =50.0 =0.4 =0.02 =60.0"),
    "peak_finder": Expected("signal", "F1", "sigma height distance prominence", "seed n peaks scale =6.0 =0.15 =5"),
    "scipy_de": Expected("scipy", "fun", "popsize mutation recombination maxiter", "DIM tol seed workers polish disp =10.0 =5.12"),
    "pso": Expected("scipy", "best_value", "n_particles w c1 c2 v_max iters", "dim low high seed =100.0"),
    "knapsack_sa": Expected("scipy", "value", "T cooling n_iter", "CAPACITY =50 =12 =24 =1e-3"),
    # the next 29 were written when the rules were made, to see how well these generalise; the rules were then repaired
    "adaboost": Expected("sklearn", "balanced accuracy", "max_depth min_samples_split n_estimators learning_rate cutoff", "random_state"),
    "ant_colony": Expected("class", "length", "ants rounds_of_ants evaporation pheromone_power visibility_power deposit q0", "count side seed =1e-9 =7"),
    "kalman": Expected("signal", "RMSE", "PROCESS_NOISE MEASUREMENT_NOISE INITIAL_UNCERTAINTY", "DT steps sensor_sd seed"),
    "gan_hparams": Expected("torch", "moment_gap", "latent_dim g_lr d_lr beta1 n_critic minibatch total_steps hidden_units leak", "log_every run_seed =2000 =2.0"),
    "load_balancer": Expected("evolve", "combined_score", "queue_coef speed_bias recent =0.6 =0.8", "ARRIVALS_PER_SECOND SLO_SECONDS PENALTY n_requests seed"),
    "hmm_pos": Expected("text", "tag accuracy", "add_k suffix_len suffix_mix oov_floor beam", "=50 =20 =5"),
    "catboost_cfg": Expected("dict", "logloss", "iterations depth learning_rate l2_leaf_reg random_strength border_count rsm", "folds random_seed thread_count n_splits verbose allow_writing_files", False),
    "snake_bot": Expected("game", "average_food", "FOOD_PULL WALL_FEAR TAIL_FOLLOW SPACE_VALUE cap", "WIDTH HEIGHT MAX_TURNS =50 =6"),
    "bayes_ab": Expected("pandas", "regret", "prior_a prior_b discount optimism warmup", "horizon =100 =3 =123"),
    "curve_fit_cli": Expected("argparse", "rmse", "method smooth spline-degree window poly", "points sigma-noise rng precision =0.3"),
    "isolation_fraud": Expected("sklearn", "precision_at_60", "n_quantiles n_estimators max_samples contamination max_features bootstrap", "n fraud seed random_state =60.5 =3.0"),
    "reinforce_pole": Expected("class", "mean_length", "gamma actor_lr entropy_bonus baseline_momentum updates episodes_per_update", "max_episode_steps gravity pole_length rng_seed =10.0 =0.05 =1.1 =2.4 =0.21 =200"),
    "image_denoise": Expected("signal", "PSNR", "weight n_iter tau tv_denoise.weight sigma median_filter.size", "phantom.size sd seed data_range =1e-8 =120"),
    "query_planner": Expected("text", "elapsed_ms", "CACHE_KB BATCH_ROWS PAGE_SIZE USE_INDEX SYNC_MODE", "N_ROWS N_QUERIES =1000 =20"),
    "lora_args": Expected("torch", "eval_loss", "max_seq_length LoraConfig.r lora_alpha lora_dropout per_device_train_batch_size learning_rate num_train_epochs warmup_ratio weight_decay max_grad_norm", "preprocessing_num_workers test_size per_device_eval_batch_size logging_steps save_steps eval_steps save_total_limit dataloader_num_workers fp16 seed", False),
    "othello_weights": Expected("game", "disc_margin", "corner edge mobility discs x_square LOOKAHEAD", "EMPTY BLACK WHITE SIZE =8"),
    "gp_bayesopt": Expected("scipy", "simple_regret", "lengthscale signal_var xi n_init n_candidates", "a b c r s t BUDGET seed jitter =0.397887 =6.0"),
    "speech_vad": Expected("signal", "frame_error_rate", "FRAME_MS HOP_MS ENERGY_THRESHOLD_DB HANGOVER_FRAMES SMOOTHING_ALPHA NOISE_FLOOR_PERCENTILE", "SAMPLE_RATE seconds snr seed =1e-10 =180"),
    "jax_like_mlp": Expected("functions", "test_accuracy", "n_hidden lr lr_decay batch n_epochs init_std l2", "n seed c =300"),
    "ts_forest": Expected("pandas", "MAE", "N_LAGS ROLL ewm.alpha degree HuberRegressor.epsilon HuberRegressor.alpha", "HORIZON =600 =7.1 =0.8 =0.01"),
    "word_vectors": Expected("text", "margin", "dim_vec window negatives alpha min_alpha passes subsampling power", "=12.5 =0.5"),
    "traffic_lights": Expected("simulation", "delay_s", "GREEN_NS GREEN_EW EXTENSION QUEUE_TRIGGER", "NS_PER_MINUTE EW_PER_MINUTE SATURATION_PER_SECOND minutes random_seed"),
    "resnet_cifar": Expected("torch", "Acc", "lr momentum weight_decay trainloader.DataLoader.batch_size label_smoothing", "testloader.DataLoader.batch_size num_workers num_classes best_acc start_epoch =0.4914 =100", False),
    "budget_alloc": Expected("evolve", "score", "risk_aversion size_discount", "BUDGET_SHARE repetitions n_projects seed"),
    "dbscan_geo": Expected("sklearn", "ari", "n_neighbors contamination DBSCAN.eps DBSCAN.min_samples", "n_samples centers cluster_std random_state n_jobs"),
    "compress_lz": Expected("heuristic", "ratio", "MIN_MATCH WINDOW_BITS MAX_CHAIN LAZY HASH_BYTES", "LINES =255 =6"),
    "autoencoder_cfg": Expected("dict", "reconstruction_error", "bottleneck noise_std lr weight_decay n_steps batch mid slope", "print_every eval_rows columns torch_seed"),
    "hill_route": Expected("class", "total_cost", "start_temp end_temp sweeps swap_share", "k spread seed VEHICLES CAPACITY OVERLOAD_PENALTY =25.5"),
    "naive_rag": Expected("text", "MRR", "CHUNK_SIZE CHUNK_OVERLAP TITLE_WEIGHT BIGRAM_BONUS MIN_SCORE STOP_RATIO", "ANSWERS_SHOWN"),
}  # fmt: skip
