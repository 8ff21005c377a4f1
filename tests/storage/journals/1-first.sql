BEGIN TRANSACTION;
CREATE TABLE event (id INTEGER PRIMARY KEY, at REAL NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL);
INSERT INTO "event" VALUES(1,1.79590264711649107935e+09,'state','{"state": "finished", "message": ""}');
CREATE TABLE experiment (
    number INTEGER PRIMARY KEY, parent INTEGER, target TEXT NOT NULL, summary TEXT NOT NULL, hypothesis TEXT NOT NULL,
    expect TEXT NOT NULL, agent TEXT NOT NULL, usage TEXT NOT NULL, reply TEXT NOT NULL,
    failure TEXT NOT NULL, fingerprint TEXT NOT NULL, proposed_at REAL NOT NULL,
    verdict TEXT, reason TEXT NOT NULL DEFAULT '', value REAL, judged_at REAL, commit_sha TEXT NOT NULL DEFAULT '');
INSERT INTO "experiment" VALUES(0,NULL,'X = 3.0
Y = 1.0
print(''val'', X)
loss = (X - 1) ** 2 + abs(Y)
','baseline','','','','{"calls": 0, "input": 0, "cached": 0, "written": 0, "output": 0, "seconds": 0.0, "cost": 0.0}','','','e8fcf308a18564fd',1.79590264660794425013e+09,'baseline','One run.',5.0,1.7959026468093111515e+09,'35a9eb32a2e475d729f59474f4ea1fcff5c31be1');
INSERT INTO "experiment" VALUES(1,0,'X = 17.0
Y = 1.0
print(''val'', X)
loss = (X - 1) ** 2 + abs(Y)
','X 3 → 17','X: never changed so far.','','tuner','{"calls": 0, "input": 0, "cached": 0, "written": 0, "output": 0, "seconds": 0.0, "cost": 0.0}','','','469ac4a8dabec166',1.79590264683443045614e+09,'discard','Not better: 257 against 5 of experiment 0, a gain of -252.',257.0,1.79590264684128713603e+09,'5237ffef41880c2ef5c584c6dd767cf59431cad8');
INSERT INTO "experiment" VALUES(2,0,'X = 3.0
Y = 5.5
print(''val'', X)
loss = (X - 1) ** 2 + abs(Y)
','Y 1 → 5.5','Y: never changed so far.','','tuner','{"calls": 0, "input": 0, "cached": 0, "written": 0, "output": 0, "seconds": 0.0, "cost": 0.0}','','','de679f410555b9fb',1.79590264686525130275e+09,'discard','Not better: 9.5 against 5 of experiment 0, a gain of -4.5.',9.5,1.79590264688065481182e+09,'cd06baf042d4fd60dbe3e0b9da3740410e991a16');
INSERT INTO "experiment" VALUES(3,0,'X = 0.66
Y = 1.0
print(''val'', X)
loss = (X - 1) ** 2 + abs(Y)
','X 3 → 0.66','X: raising it alone did not help, so the other way.','','tuner','{"calls": 0, "input": 0, "cached": 0, "written": 0, "output": 0, "seconds": 0.0, "cost": 0.0}','','','4e05ff33356ccf6b',1.79590264690614867214e+09,'keep','Better: 1.1156 against 5 of experiment 0 (2 and 2 runs), a gain of 3.88.',1.1156,1.79590264693707513804e+09,'8fb52ee1170cb971c2ed42290b628a65103dd2b0');
INSERT INTO "experiment" VALUES(4,3,'X = 0.66
Y = 0.2
print(''val'', X)
loss = (X - 1) ** 2 + abs(Y)
','Y 1 → 0.2','Y: raising it alone did not help, so the other way.','','tuner','{"calls": 0, "input": 0, "cached": 0, "written": 0, "output": 0, "seconds": 0.0, "cost": 0.0}','','','529fe5b41d78ceb6',1.79590264701913785933e+09,'keep','Better: 0.3156 against 1.1156 of experiment 3, a gain of 0.8.',0.3156,1.79590264703995800021e+09,'ff9d34f523126ecbf02b040e65883f8c32e5da1d');
CREATE TABLE measurement (
    id INTEGER PRIMARY KEY, experiment INTEGER NOT NULL REFERENCES experiment (number), kind TEXT NOT NULL,
    outcome TEXT NOT NULL, value REAL, seed INTEGER NOT NULL, seconds REAL NOT NULL, charged REAL NOT NULL,
    evaluation REAL NOT NULL, steps INTEGER NOT NULL, memory REAL NOT NULL, curve TEXT NOT NULL, error TEXT NOT NULL,
    traceback TEXT NOT NULL, output TEXT NOT NULL, names TEXT NOT NULL, made_at REAL NOT NULL);
INSERT INTO "measurement" VALUES(1,0,'baseline','ok',5.0,0,5.27638399944407865405e-03,0.0,2.45569972321391105651e-05,0,0.018276352,'[]','','','val 3.0
','["X", "Y", "loss"]',1.79590264680907869343e+09);
INSERT INTO "measurement" VALUES(2,1,'candidate','ok',257.0,0,4.20550399576313793659e-03,0.0,1.97500048670917749404e-05,0,0.018272256,'[]','','','val 17.0
','["X", "Y", "loss"]',1.79590264684070158003e+09);
INSERT INTO "measurement" VALUES(3,2,'candidate','ok',9.5,0,7.51501799823017790913e-03,0.0,2.03900053747929632663e-05,0,0.018284544,'[]','','','val 3.0
','["X", "Y", "loss"]',1.79590264687543392182e+09);
INSERT INTO "measurement" VALUES(4,3,'candidate','ok',1.1156,0,0.00551991599786561,0.0,3.17169979098252952098e-05,0,0.018399232,'[]','','','val 0.66
','["X", "Y", "loss"]',1.79590264691597890859e+09);
INSERT INTO "measurement" VALUES(5,0,'incumbent','ok',5.0,1,4.66681899706600233912e-03,0.0,1.85669996426440775394e-05,0,0.018284544,'[]','','','val 3.0
','["X", "Y", "loss"]',1.79590264692691659932e+09);
INSERT INTO "measurement" VALUES(6,3,'candidate','ok',1.1156,1,4.76707699999678879976e-03,0.0,1.84669988811947405338e-05,0,0.018399232,'[]','','','val 0.66
','["X", "Y", "loss"]',1.79590264693560433388e+09);
INSERT INTO "measurement" VALUES(7,4,'candidate','ok',0.3156,0,0.00762906699674204,0.0,2.76009959634393453598e-05,0,0.018399232,'[]','','','val 0.66
','["X", "Y", "loss"]',1.79590264703382372852e+09);
INSERT INTO "measurement" VALUES(8,4,'final','ok',0.3156,1000,5.74048300040885806083e-03,0.0,2.82420005532912909984e-05,0,0.018399232,'[]','','','val 0.66
','["X", "Y", "loss"]',1.79590264709641337387e+09);
INSERT INTO "measurement" VALUES(9,0,'final','ok',5.0,1000,5.9280319983372464776e-03,0.0,3.20469989674165844917e-05,0,0.018284544,'[]','','','val 3.0
','["X", "Y", "loss"]',1.79590264710868811612e+09);
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO "meta" VALUES('created','1795902646.5703168');
INSERT INTO "meta" VALUES('definition','{"program": "Lower it\n\nSmall steps.", "target": "X = 3.0\nY = 1.0\nprint(''val'', X)\nloss = (X - 1) ** 2 + abs(Y)\n", "setup": "", "target_path": "", "setup_path": "", "checkout": null}');
INSERT INTO "meta" VALUES('format','1');
INSERT INTO "meta" VALUES('message','""');
INSERT INTO "meta" VALUES('name','"old"');
INSERT INTO "meta" VALUES('seconds','0.5488055659952806');
INSERT INTO "meta" VALUES('settings','{"metric": "loss", "minimize": true, "scope": [], "verify": "", "guard": "", "guard_metric": "", "guard_threshold": null, "repo": "", "link": [], "budget": 1.0, "experiments": 4, "agent": "tuner", "effort": "", "base_url": "", "prefetch": true, "blocks_from": 200, "reply_timeout": 600.0, "hours": null, "minutes": null, "max_tokens": null, "max_cost": null, "repeats": 1, "noise": "", "min_delta": 0.0, "judge": "sequential", "pairs": 8, "bounds": "", "pruner": "curve", "patience": null, "until": null, "evals_interval": null, "timeout": null, "threads": 1, "memory": 20221201612, "seed": 0, "pass_env": [], "fresh": false}');
INSERT INTO "meta" VALUES('state','"finished"');
COMMIT;
