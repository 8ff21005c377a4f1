BEGIN TRANSACTION;
CREATE TABLE event (id INTEGER PRIMARY KEY, at REAL NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL);
INSERT INTO "event" VALUES(1,1.79590260920679235454e+09,'claimed','{"experiment": 1, "calls": [1]}');
INSERT INTO "event" VALUES(2,1.79590260920833230022e+09,'attempt','{"experiment": 1}');
INSERT INTO "event" VALUES(3,1.79590260923911452291e+09,'claimed','{"experiment": 2, "calls": [2]}');
INSERT INTO "event" VALUES(4,1.79590260924147582049e+09,'attempt','{"experiment": 2}');
INSERT INTO "event" VALUES(5,1.79590260928254771234e+09,'claimed','{"experiment": 3, "calls": [3]}');
INSERT INTO "event" VALUES(6,1.79590260928311157232e+09,'attempt','{"experiment": 3}');
INSERT INTO "event" VALUES(7,1.79590260941718220712e+09,'claimed','{"experiment": 4, "calls": [4]}');
INSERT INTO "event" VALUES(8,1.79590260941802287103e+09,'attempt','{"experiment": 4}');
INSERT INTO "event" VALUES(9,1.79590260955330824855e+09,'state','{"state": "finished", "message": ""}');
CREATE TABLE experiment (
    number INTEGER PRIMARY KEY, parent INTEGER, target TEXT NOT NULL, summary TEXT NOT NULL, hypothesis TEXT NOT NULL,
    expect TEXT NOT NULL, agent TEXT NOT NULL, usage TEXT NOT NULL, reply TEXT NOT NULL,
    failure TEXT NOT NULL, fingerprint TEXT NOT NULL, proposed_at REAL NOT NULL,
    verdict TEXT, reason TEXT NOT NULL DEFAULT '', value REAL, judged_at REAL, commit_sha TEXT NOT NULL DEFAULT '');
INSERT INTO "experiment" VALUES(0,NULL,'X = 3.0
Y = 1.0
print(''val'', X)
loss = (X - 1) ** 2 + abs(Y)
','baseline','','','','{"calls": 0, "input": 0, "cached": 0, "written": 0, "output": 0, "seconds": 0.0, "cost": 0.0}','','','e8fcf308a18564fd',1.7959026089356718063e+09,'baseline','One run.',5.0,1.79590260917864966388e+09,'4eb86e7d9aff30688a1098eab093e4bd79dba4dc');
INSERT INTO "experiment" VALUES(1,0,'X = 17.0
Y = 1.0
print(''val'', X)
loss = (X - 1) ** 2 + abs(Y)
','X 3 → 17','X: never changed so far.','','tuner','{"calls": 0, "input": 0, "cached": 0, "written": 0, "output": 0, "seconds": 0.0, "cost": 0.0}','','','469ac4a8dabec166',1.79590260920777797706e+09,'discard','Not better: 257 against 5 of the current best, experiment 0, worse by 252.',257.0,1.79590260922057271008e+09,'48c2221d30cf88e8bb71d755478fe859729999d2');
INSERT INTO "experiment" VALUES(2,0,'X = 3.0
Y = 5.5
print(''val'', X)
loss = (X - 1) ** 2 + abs(Y)
','Y 1 → 5.5','Y: never changed so far.','','tuner','{"calls": 0, "input": 0, "cached": 0, "written": 0, "output": 0, "seconds": 0.0, "cost": 0.0}','','','de679f410555b9fb',1.7959026092394957542e+09,'discard','Not better: 9.5 against 5 of the current best, experiment 0, worse by 4.5.',9.5,1.79590260925265812873e+09,'7b8a0cf1aa0c99a1bca6782f1ef521132461b629');
INSERT INTO "experiment" VALUES(3,0,'X = 0.66
Y = 1.0
print(''val'', X)
loss = (X - 1) ** 2 + abs(Y)
','X 3 → 0.66','X: raising it alone did not help, so the other way.','','tuner','{"calls": 0, "input": 0, "cached": 0, "written": 0, "output": 0, "seconds": 0.0, "cost": 0.0}','','','4e05ff33356ccf6b',1.7959026092829575539e+09,'keep','Better: 1.1156 against 5 of the current best, experiment 0 (2 and 2 runs), better by 3.88.',1.1156,1.79590260933560776708e+09,'35f55319b815856572819e04401fdef2c7c9dd56');
INSERT INTO "experiment" VALUES(4,3,'X = 0.66
Y = 0.2
print(''val'', X)
loss = (X - 1) ** 2 + abs(Y)
','Y 1 → 0.2','Y: raising it alone did not help, so the other way.','','tuner','{"calls": 0, "input": 0, "cached": 0, "written": 0, "output": 0, "seconds": 0.0, "cost": 0.0}','','','529fe5b41d78ceb6',1.79590260941782498362e+09,'keep','Better: 0.3156 against 1.1156 of the current best, experiment 3, better by 0.8.',0.3156,1.79590260943047213548e+09,'048a9b40e4bd70b2c6f00a44ee858c21f8259c4c');
CREATE TABLE measurement (
    id INTEGER PRIMARY KEY, experiment INTEGER NOT NULL REFERENCES experiment (number), kind TEXT NOT NULL,
    outcome TEXT NOT NULL, value REAL, seed INTEGER NOT NULL, seconds REAL NOT NULL, charged REAL NOT NULL,
    evaluation REAL NOT NULL, steps INTEGER NOT NULL, memory REAL NOT NULL, curve TEXT NOT NULL, error TEXT NOT NULL,
    traceback TEXT NOT NULL, output TEXT NOT NULL, names TEXT NOT NULL, numbers TEXT NOT NULL DEFAULT '{}',
    made_at REAL NOT NULL);
INSERT INTO "measurement" VALUES(1,0,'baseline','ok',5.0,0,6.04834000114351511001e-03,0.0,0.000202089999220334,0,0.010748928,'[]','','','val 3.0
','["X", "Y", "loss"]','{}',1.79590260917839717865e+09);
INSERT INTO "measurement" VALUES(2,1,'candidate','ok',257.0,0,7.21797599544515833258e-03,0.0,1.96150998817756772041e-04,0,0.010730496,'[]','','','val 17.0
','["X", "Y", "loss"]','{}',1.79590260921900033951e+09);
INSERT INTO "measurement" VALUES(3,2,'candidate','ok',9.5,0,7.67016800091369077563e-03,0.0,2.09370999073144048452e-04,0,0.010712064,'[]','','','val 3.0
','["X", "Y", "loss"]','{}',1.79590260925152897832e+09);
INSERT INTO "measurement" VALUES(4,3,'candidate','ok',1.1156,0,7.42084700323175638914e-03,0.0,1.99786001758184283971e-04,0,0.010712064,'[]','','','val 0.66
','["X", "Y", "loss"]','{}',1.79590260929910826683e+09);
INSERT INTO "measurement" VALUES(5,0,'incumbent','ok',5.0,1,7.40961100382264703512e-03,0.0,0.000208609999390319,0,0.010689536,'[]','','','val 3.0
','["X", "Y", "loss"]','{}',1.79590260930876374247e+09);
INSERT INTO "measurement" VALUES(6,3,'candidate','ok',1.1156,1,6.85543800500454381108e-03,0.0,2.20426998566836118698e-04,0,0.010712064,'[]','','','val 0.66
','["X", "Y", "loss"]','{}',1.79590260932672739031e+09);
INSERT INTO "measurement" VALUES(7,4,'candidate','ok',0.3156,0,0.00789604399324162,0.0,2.08199002372566610574e-04,0,0.010687488,'[]','','','val 0.66
','["X", "Y", "loss"]','{}',1.79590260942914104456e+09);
INSERT INTO "measurement" VALUES(8,4,'final','ok',0.3156,1000,8.25025900121545419096e-03,0.0,4.44078999862540513277e-04,0,0.010707968,'[]','','','val 0.66
','["X", "Y", "loss"]','{}',1.79590260954042506215e+09);
INSERT INTO "measurement" VALUES(9,0,'final','ok',5.0,1000,7.23313900380162522196e-03,0.0,1.99315996724180877208e-04,0,0.010701824,'[]','','','val 3.0
','["X", "Y", "loss"]','{}',1.79590260955133032799e+09);
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO "meta" VALUES('created','1795902608.880021');
INSERT INTO "meta" VALUES('definition','{"program": "Lower it\n\nSmall steps.", "target": "X = 3.0\nY = 1.0\nprint(''val'', X)\nloss = (X - 1) ** 2 + abs(Y)\n", "setup": "", "target_path": "", "setup_path": "", "checkout": null}');
INSERT INTO "meta" VALUES('format','1');
INSERT INTO "meta" VALUES('message','""');
INSERT INTO "meta" VALUES('name','"old"');
INSERT INTO "meta" VALUES('seconds','0.6756377429992426');
INSERT INTO "meta" VALUES('settings','{"metric": "loss", "minimize": true, "scope": [], "verify": "", "guard": "", "guard_metric": "", "guard_threshold": null, "valid": "", "repo": "", "link": [], "budget": 1.0, "experiments": 4, "agent": "tuner", "effort": "", "base_url": "", "prefetch": true, "blocks_from": 200, "reply_timeout": 600.0, "hours": null, "minutes": null, "max_tokens": null, "max_cost": null, "repeats": 1, "noise": "", "min_delta": 0.0, "judge": "sequential", "pairs": 8, "bounds": "", "pruner": "curve", "patience": null, "until": null, "evals_interval": null, "timeout": null, "threads": 1, "memory": 20221201612, "seed": 0, "pass_env": [], "fresh": false}');
INSERT INTO "meta" VALUES('state','"finished"');
COMMIT;
