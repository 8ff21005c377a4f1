BEGIN TRANSACTION;
CREATE TABLE event (id INTEGER PRIMARY KEY, at REAL NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL);
INSERT INTO "event" VALUES(1,1.79590261824206256862e+09,'claimed','{"experiment": 1, "calls": [1]}');
INSERT INTO "event" VALUES(2,1.79590261824666714675e+09,'attempt','{"experiment": 1}');
INSERT INTO "event" VALUES(3,1.79590261828648400303e+09,'claimed','{"experiment": 2, "calls": [2]}');
INSERT INTO "event" VALUES(4,1.79590261829099678988e+09,'attempt','{"experiment": 2}');
INSERT INTO "event" VALUES(5,1.79590261844599270819e+09,'claimed','{"experiment": 3, "calls": [3]}');
INSERT INTO "event" VALUES(6,1.79590261844788694383e+09,'attempt','{"experiment": 3}');
INSERT INTO "event" VALUES(7,1.79590261860427927967e+09,'claimed','{"experiment": 4, "calls": [4]}');
INSERT INTO "event" VALUES(8,1.79590261860574984553e+09,'attempt','{"experiment": 4}');
INSERT INTO "event" VALUES(9,1.79590261862770795824e+09,'closing','{"experiment": 3}');
INSERT INTO "event" VALUES(10,1.79590261865412306784e+09,'state','{"state": "finished", "message": ""}');
CREATE TABLE experiment (
    number INTEGER PRIMARY KEY, parent INTEGER, target TEXT NOT NULL, summary TEXT NOT NULL, hypothesis TEXT NOT NULL,
    expect TEXT NOT NULL, agent TEXT NOT NULL, usage TEXT NOT NULL, reply TEXT NOT NULL,
    failure TEXT NOT NULL, fingerprint TEXT NOT NULL, proposed_at REAL NOT NULL,
    verdict TEXT, reason TEXT NOT NULL DEFAULT '', value REAL, judged_at REAL, commit_sha TEXT NOT NULL DEFAULT '');
INSERT INTO "experiment" VALUES(0,NULL,'X = 3.0
Y = 1.0
print(''val'', X)
loss = (X - 1) ** 2 + abs(Y)
','baseline','','','','{"calls": 0, "input": 0, "cached": 0, "written": 0, "output": 0, "seconds": 0.0, "cost": 0.0}','','','e8fcf308a18564fd',1.79590261795522427561e+09,'baseline','One run.',5.0,1.79590261821040511128e+09,'91111cdca41358b56698c7f604bab822ea4ac9b6');
INSERT INTO "experiment" VALUES(1,0,'X = 17.0
Y = 1.0
print(''val'', X)
loss = (X - 1) ** 2 + abs(Y)
','X 3 → 17','X: never changed so far. A bold step.','','tuner','{"calls": 0, "input": 0, "cached": 0, "written": 0, "output": 0, "seconds": 0.0, "cost": 0.0}','','','469ac4a8dabec166',1.7959026182464845181e+09,'discard','Not better: 257 against 5 of the current best, experiment 0.',257.0,1795902618.25757,'cc4fc43970e75d234eedb93d2b62301dbb68c0fa');
INSERT INTO "experiment" VALUES(2,0,'X = 0.94
Y = 1.0
print(''val'', X)
loss = (X - 1) ** 2 + abs(Y)
','X 3 → 0.94','X: raising it alone did not help, so the other way. A leap.','','tuner','{"calls": 0, "input": 0, "cached": 0, "written": 0, "output": 0, "seconds": 0.0, "cost": 0.0}','','','3ab3b049bc07c453',1.79590261829071235659e+09,'keep','Better: 1.0036 against 5 of the current best, experiment 0.',1.0036,1.79590261835281968117e+09,'704b24008e17433784af60bec85904864d1e37cc');
INSERT INTO "experiment" VALUES(3,2,'X = 0.94
Y = 0.22
print(''val'', X)
loss = (X - 1) ** 2 + abs(Y)
','Y 1 → 0.22','Y: never changed so far. A bold step.','','tuner','{"calls": 0, "input": 0, "cached": 0, "written": 0, "output": 0, "seconds": 0.0, "cost": 0.0}','','','9b5def251dba8ee8',1.79590261844766879077e+09,'keep','Better: 0.2236 against 1.0036 of the current best, experiment 2.',2.23600000000000020961e-01,1.79590261846587681765e+09,'d89b8ca74f4499b2534a17fb3f78f5d0c844863a');
INSERT INTO "experiment" VALUES(4,3,'X = 0.27
Y = 0.22
print(''val'', X)
loss = (X - 1) ** 2 + abs(Y)
','X 0.94 → 0.27','X: lowering it alone was kept when it was tried. Chosen by the model of all runs.','+1.96 (sd 5.2)','tuner','{"calls": 0, "input": 0, "cached": 0, "written": 0, "output": 0, "seconds": 0.0, "cost": 0.0}','','','28025334e81ee40e',1.79590261860478496557e+09,'discard','Not better: 0.7529 against 0.2236 of the current best, experiment 3.',7.52899999999999902655e-01,1.79590261861617231367e+09,'bdb4471aef2d9e0028a2d8173e1c35a6678a6a1c');
CREATE TABLE measurement (
    id INTEGER PRIMARY KEY, experiment INTEGER NOT NULL REFERENCES experiment (number), kind TEXT NOT NULL,
    outcome TEXT NOT NULL, value REAL, seed INTEGER NOT NULL, seconds REAL NOT NULL, charged REAL NOT NULL,
    evaluation REAL NOT NULL, steps INTEGER NOT NULL, memory REAL NOT NULL, curve TEXT NOT NULL, error TEXT NOT NULL,
    traceback TEXT NOT NULL, output TEXT NOT NULL, names TEXT NOT NULL, numbers TEXT NOT NULL DEFAULT '{}',
    made_at REAL NOT NULL, conditions TEXT, notes TEXT NOT NULL DEFAULT '[]',
    artifacts TEXT NOT NULL DEFAULT '{}');
INSERT INTO "measurement" VALUES(1,0,'baseline','ok',5.0,0,6.61727399710798636078e-03,0.0,2.0514400239335373044e-04,0,0.0100250244140625,'[]','','','val 3.0
','["X", "Y", "loss"]','{}',1.79590261821015286444e+09,NULL,'[]','{}');
INSERT INTO "measurement" VALUES(2,1,'candidate','ok',257.0,0,7.16448699677130207419e-03,0.0,1.87617995834443718194e-04,0,0.009979248046875,'[]','','','val 17.0
','["X", "Y", "loss"]','{}',1795902618.25577,NULL,'[]','{}');
INSERT INTO "measurement" VALUES(3,2,'candidate','ok',1.0036,0,7.61057899944717064499e-03,0.0,2.26445998123381286859e-04,0,9.96875762939453125e-03,'[]','','','val 0.94
','["X", "Y", "loss"]','{}',1.79590261830171132092e+09,NULL,'[]','{}');
INSERT INTO "measurement" VALUES(4,2,'candidate','ok',1.0036,1,6.65692299662623554468e-03,0.0,1.91204002476297318935e-04,0,9.97066497802734375e-03,'[]','','','val 0.94
','["X", "Y", "loss"]','{}',1.79590261833594632152e+09,NULL,'[]','{}');
INSERT INTO "measurement" VALUES(5,0,'incumbent','ok',5.0,1,7.80716099689016118645e-03,0.0,2.08270001166965812444e-04,0,9.952545166015625e-03,'[]','','','val 3.0
','["X", "Y", "loss"]','{}',1.79590261835138607026e+09,'{"others": 0.662, "cores": 2, "steal": 0.0, "lost": null}','[]','{}');
INSERT INTO "measurement" VALUES(6,3,'candidate','ok',2.23600000000000020961e-01,0,7.97515099839074537158e-03,0.0,2.15900996408890932798e-04,0,9.96685028076171875e-03,'[]','','','val 0.94
','["X", "Y", "loss"]','{}',1.79590261846431970601e+09,'{"others": 0.814, "cores": 2, "steal": 0.0, "lost": null}','[]','{}');
INSERT INTO "measurement" VALUES(7,4,'candidate','ok',7.52899999999999902655e-01,0,7.90918299753684550523e-03,0.0,3.4161799703724682331e-04,0,9.9773406982421875e-03,'[]','','','val 0.27
','["X", "Y", "loss"]','{}',1.79590261861551618574e+09,'{"others": 0.945, "cores": 2, "steal": 0.0, "lost": null}','[]','{}');
INSERT INTO "measurement" VALUES(8,3,'incumbent','ok',2.23600000000000020961e-01,1,7.30284299788763746619e-03,0.0,2.03071998839732259511e-04,0,9.9582672119140625e-03,'[]','','','val 0.94
','["X", "Y", "loss"]','{}',1.79590261863592815395e+09,'{"others": 0.95, "cores": 2, "steal": 0.0, "lost": null}','[]','{}');
INSERT INTO "measurement" VALUES(9,3,'final','ok',2.23600000000000020961e-01,1000,6.46771299943793565034e-03,0.0,1.84014003025367856025e-04,0,9.9391937255859375e-03,'[]','','','val 0.94
','["X", "Y", "loss"]','{}',1.79590261864374780651e+09,'{"others": 0.96, "cores": 2, "steal": 0.0, "lost": null}','[]','{}');
INSERT INTO "measurement" VALUES(10,0,'final','ok',5.0,1000,5.84190399968065321445e-03,0.0,1.96651999431196600198e-04,0,9.94396209716796875e-03,'[]','','','val 3.0
','["X", "Y", "loss"]','{}',1.79590261865036726002e+09,'{"others": 0.955, "cores": 2, "steal": 0.0, "lost": null}','[]','{}');
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO "meta" VALUES('created','1795902617.9162252');
INSERT INTO "meta" VALUES('definition','{"program": "Lower it\n\nSmall steps.", "target": "X = 3.0\nY = 1.0\nprint(''val'', X)\nloss = (X - 1) ** 2 + abs(Y)\n", "setup": "", "target_path": "", "setup_path": "", "checkout": null}');
INSERT INTO "meta" VALUES('format','1');
INSERT INTO "meta" VALUES('live','{"pid": 24138, "state": "starting"}');
INSERT INTO "meta" VALUES('message','""');
INSERT INTO "meta" VALUES('name','"old"');
INSERT INTO "meta" VALUES('seconds','0.7467673130013281');
INSERT INTO "meta" VALUES('settings','{"metric": "loss", "minimize": true, "scope": [], "verify": "", "guard": "", "guard_metric": "", "guard_threshold": null, "valid": "", "repo": "", "link": [], "hide": [], "also": [], "artifacts": [], "budget": 1.0, "clock": "running", "experiments": 4, "agent": "tuner", "effort": "", "base_url": "", "prefetch": true, "ask_ahead": 1, "repeat_idle": true, "blocks_from": 200, "reply_timeout": 600.0, "hours": null, "minutes": null, "max_tokens": null, "max_cost": null, "repeats": 1, "noise": "", "min_delta": 0.0, "statistic": "mean", "judge": "expected", "pairs": 8, "bounds": "", "pruner": "curve", "patience": null, "max_runs": null, "until": null, "evals_interval": null, "timeout": null, "threads": 1, "memory": 20221201612, "seed": 0, "pass_env": [], "fresh": false}');
INSERT INTO "meta" VALUES('state','"finished"');
CREATE TABLE prompt (experiment INTEGER PRIMARY KEY, text BLOB NOT NULL);
CREATE INDEX measurement_of ON measurement (experiment, kind);
CREATE INDEX experiment_mark ON experiment (number, verdict, judged_at, commit_sha);
COMMIT;
