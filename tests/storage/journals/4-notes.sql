BEGIN TRANSACTION;
CREATE TABLE event (id INTEGER PRIMARY KEY, at REAL NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL);
INSERT INTO "event" VALUES(1,1.79590261257706570625e+09,'claimed','{"experiment": 1, "calls": [1]}');
INSERT INTO "event" VALUES(2,1.79590261257806730263e+09,'attempt','{"experiment": 1}');
INSERT INTO "event" VALUES(3,1.79590261260832309729e+09,'claimed','{"experiment": 2, "calls": [2]}');
INSERT INTO "event" VALUES(4,1.79590261261058712002e+09,'attempt','{"experiment": 2}');
INSERT INTO "event" VALUES(5,1.79590261274210619924e+09,'claimed','{"experiment": 3, "calls": [3]}');
INSERT INTO "event" VALUES(6,1.7959026127433919906e+09,'attempt','{"experiment": 3}');
INSERT INTO "event" VALUES(7,1.79590261294171428681e+09,'claimed','{"experiment": 4, "calls": [4]}');
INSERT INTO "event" VALUES(8,1.79590261294301319124e+09,'attempt','{"experiment": 4}');
INSERT INTO "event" VALUES(9,1.79590261296498560905e+09,'closing','{"experiment": 3}');
INSERT INTO "event" VALUES(10,1.79590261298979473117e+09,'state','{"state": "finished", "message": ""}');
CREATE TABLE experiment (
    number INTEGER PRIMARY KEY, parent INTEGER, target TEXT NOT NULL, summary TEXT NOT NULL, hypothesis TEXT NOT NULL,
    expect TEXT NOT NULL, agent TEXT NOT NULL, usage TEXT NOT NULL, reply TEXT NOT NULL,
    failure TEXT NOT NULL, fingerprint TEXT NOT NULL, proposed_at REAL NOT NULL,
    verdict TEXT, reason TEXT NOT NULL DEFAULT '', value REAL, judged_at REAL, commit_sha TEXT NOT NULL DEFAULT '');
INSERT INTO "experiment" VALUES(0,NULL,'X = 3.0
Y = 1.0
print(''val'', X)
loss = (X - 1) ** 2 + abs(Y)
','baseline','','','','{"calls": 0, "input": 0, "cached": 0, "written": 0, "output": 0, "seconds": 0.0, "cost": 0.0}','','','e8fcf308a18564fd',1.79590261229746150969e+09,'baseline','One run.',5.0,1.79590261255126428605e+09,'b08c9c6dbf5be91f71b9c773e43e9988e5d6363f');
INSERT INTO "experiment" VALUES(1,0,'X = 17.0
Y = 1.0
print(''val'', X)
loss = (X - 1) ** 2 + abs(Y)
','X 3 → 17','X: never changed so far. A bold step.','','tuner','{"calls": 0, "input": 0, "cached": 0, "written": 0, "output": 0, "seconds": 0.0, "cost": 0.0}','','','469ac4a8dabec166',1.79590261257776618005e+09,'discard','Not better: 257 against 5 of the current best, experiment 0.',257.0,1.79590261258968782428e+09,'39b3b4a22dd10b34e526bb47ee4675534af6b29d');
INSERT INTO "experiment" VALUES(2,0,'X = 0.94
Y = 1.0
print(''val'', X)
loss = (X - 1) ** 2 + abs(Y)
','X 3 → 0.94','X: raising it alone did not help, so the other way. A leap.','','tuner','{"calls": 0, "input": 0, "cached": 0, "written": 0, "output": 0, "seconds": 0.0, "cost": 0.0}','','','3ab3b049bc07c453',1.79590261261024188997e+09,'keep','Better: 1.0036 against 5 of the current best, experiment 0.',1.0036,1.79590261264589118959e+09,'60dd02679490d761a7dce5ab5050f8bdfba1c73d');
INSERT INTO "experiment" VALUES(3,2,'X = 0.94
Y = 0.22
print(''val'', X)
loss = (X - 1) ** 2 + abs(Y)
','Y 1 → 0.22','Y: never changed so far. A bold step.','','tuner','{"calls": 0, "input": 0, "cached": 0, "written": 0, "output": 0, "seconds": 0.0, "cost": 0.0}','','','9b5def251dba8ee8',1.79590261274229454988e+09,'keep','Better: 0.2236 against 1.0036 of the current best, experiment 2.',2.23600000000000020961e-01,1.79590261278578972817e+09,'1d45fd41477e42135ea0c9c1ae75fb2cbf94e95b');
INSERT INTO "experiment" VALUES(4,3,'X = 0.27
Y = 0.22
print(''val'', X)
loss = (X - 1) ** 2 + abs(Y)
','X 0.94 → 0.27','X: lowering it alone was kept when it was tried. Chosen by the model of all runs.','+1.96 (sd 5.2)','tuner','{"calls": 0, "input": 0, "cached": 0, "written": 0, "output": 0, "seconds": 0.0, "cost": 0.0}','','','28025334e81ee40e',1.79590261294242048263e+09,'discard','Not better: 0.7529 against 0.2236 of the current best, experiment 3.',7.52899999999999902655e-01,1.79590261295326757435e+09,'d35e1384b3b0ebd9a167d33d38a62abcd37f6f1d');
CREATE TABLE measurement (
    id INTEGER PRIMARY KEY, experiment INTEGER NOT NULL REFERENCES experiment (number), kind TEXT NOT NULL,
    outcome TEXT NOT NULL, value REAL, seed INTEGER NOT NULL, seconds REAL NOT NULL, charged REAL NOT NULL,
    evaluation REAL NOT NULL, steps INTEGER NOT NULL, memory REAL NOT NULL, curve TEXT NOT NULL, error TEXT NOT NULL,
    traceback TEXT NOT NULL, output TEXT NOT NULL, names TEXT NOT NULL, numbers TEXT NOT NULL DEFAULT '{}',
    made_at REAL NOT NULL, conditions TEXT, notes TEXT NOT NULL DEFAULT '[]',
    artifacts TEXT NOT NULL DEFAULT '{}');
INSERT INTO "measurement" VALUES(1,0,'baseline','ok',5.0,0,0.00544649099902017,0.0,1.73799002368468791246e-04,0,9.88292694091796875e-03,'[]','','','val 3.0
','["X", "Y", "loss"]','{}',1.79590261255103778841e+09,NULL,'[]','{}');
INSERT INTO "measurement" VALUES(2,1,'candidate','ok',257.0,0,7.23393099906388670206e-03,0.0,2.07018005312420427799e-04,0,9.97257232666015625e-03,'[]','','','val 17.0
','["X", "Y", "loss"]','{}',1.79590261258811903001e+09,NULL,'[]','{}');
INSERT INTO "measurement" VALUES(3,2,'candidate','ok',1.0036,0,6.07177499477984383702e-03,0.0,0.000199305999558419,0,9.96303558349609375e-03,'[]','','','val 0.94
','["X", "Y", "loss"]','{}',1.79590261262466311447e+09,NULL,'[]','{}');
INSERT INTO "measurement" VALUES(4,2,'candidate','ok',1.0036,1,6.12868900498142465949e-03,0.0,1.90963997738435864448e-04,0,9.94014739990234375e-03,'[]','','','val 0.94
','["X", "Y", "loss"]','{}',1.79590261263366484639e+09,NULL,'[]','{}');
INSERT INTO "measurement" VALUES(5,0,'incumbent','ok',5.0,1,6.12051699863513931632e-03,0.0,1.92564999451860785484e-04,0,9.95731353759765625e-03,'[]','','','val 3.0
','["X", "Y", "loss"]','{}',1.79590261264511013034e+09,NULL,'[]','{}');
INSERT INTO "measurement" VALUES(6,3,'candidate','ok',2.23600000000000020961e-01,0,7.9498229970340617001e-03,0.0,2.17462998989503830671e-04,0,9.95349884033203125e-03,'[]','','','val 0.94
','["X", "Y", "loss"]','{}',1.79590261277910661699e+09,'{"others": 0.728, "cores": 2, "steal": 0.0, "lost": null}','[]','{}');
INSERT INTO "measurement" VALUES(7,4,'candidate','ok',7.52899999999999902655e-01,0,0.00730570699670352,0.0,2.07267999940086156129e-04,0,9.87529754638671875e-03,'[]','','','val 0.27
','["X", "Y", "loss"]','{}',1.79590261295224213602e+09,'{"others": 0.845, "cores": 2, "steal": 0.0, "lost": null}','[]','{}');
INSERT INTO "measurement" VALUES(8,3,'incumbent','ok',2.23600000000000020961e-01,1,6.96658399829175323247e-03,0.0,2.09652003832161426544e-04,0,9.94014739990234375e-03,'[]','','','val 0.94
','["X", "Y", "loss"]','{}',1.79590261297297239303e+09,'{"others": 0.854, "cores": 2, "steal": 0.0, "lost": null}','[]','{}');
INSERT INTO "measurement" VALUES(9,3,'final','ok',2.23600000000000020961e-01,1000,6.20716100092977285385e-03,0.0,3.01066997053567320108e-04,0,9.95540618896484375e-03,'[]','','','val 0.94
','["X", "Y", "loss"]','{}',1.79590261298058152198e+09,'{"others": 0.865, "cores": 2, "steal": 0.0, "lost": null}','[]','{}');
INSERT INTO "measurement" VALUES(10,0,'final','ok',5.0,1000,4.69775499368552118539e-03,0.0,1.91865001397673040628e-04,0,9.94014739990234375e-03,'[]','','','val 3.0
','["X", "Y", "loss"]','{}',1.79590261298606824872e+09,'{"others": 0.863, "cores": 2, "steal": 0.0, "lost": null}','[]','{}');
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO "meta" VALUES('created','1795902612.2573242');
INSERT INTO "meta" VALUES('definition','{"program": "Lower it\n\nSmall steps.", "target": "X = 3.0\nY = 1.0\nprint(''val'', X)\nloss = (X - 1) ** 2 + abs(Y)\n", "setup": "", "target_path": "", "setup_path": "", "checkout": null}');
INSERT INTO "meta" VALUES('format','1');
INSERT INTO "meta" VALUES('message','""');
INSERT INTO "meta" VALUES('name','"old"');
INSERT INTO "meta" VALUES('seconds','0.7397607109960518');
INSERT INTO "meta" VALUES('settings','{"metric": "loss", "minimize": true, "scope": [], "verify": "", "guard": "", "guard_metric": "", "guard_threshold": null, "valid": "", "repo": "", "link": [], "hide": [], "artifacts": [], "budget": 1.0, "clock": "running", "experiments": 4, "agent": "tuner", "effort": "", "base_url": "", "prefetch": true, "ask_ahead": 1, "repeat_idle": true, "blocks_from": 200, "reply_timeout": 600.0, "hours": null, "minutes": null, "max_tokens": null, "max_cost": null, "repeats": 1, "noise": "", "min_delta": 0.0, "statistic": "mean", "judge": "expected", "pairs": 8, "bounds": "", "pruner": "curve", "patience": null, "max_runs": null, "until": null, "evals_interval": null, "timeout": null, "threads": 1, "memory": 20221201612, "seed": 0, "pass_env": [], "fresh": false}');
INSERT INTO "meta" VALUES('state','"finished"');
COMMIT;
