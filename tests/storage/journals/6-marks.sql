BEGIN TRANSACTION;
CREATE TABLE event (id INTEGER PRIMARY KEY, at REAL NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL);
INSERT INTO "event" VALUES(1,1.79590261635888123509e+09,'claimed','{"experiment": 1, "calls": [1]}');
INSERT INTO "event" VALUES(2,1.7959026163592143059e+09,'attempt','{"experiment": 1}');
INSERT INTO "event" VALUES(3,1.79590261640130615227e+09,'claimed','{"experiment": 2, "calls": [2]}');
INSERT INTO "event" VALUES(4,1.79590261640637302402e+09,'attempt','{"experiment": 2}');
INSERT INTO "event" VALUES(5,1.79590261656360983852e+09,'claimed','{"experiment": 3, "calls": [3]}');
INSERT INTO "event" VALUES(6,1795902616.56444,'attempt','{"experiment": 3}');
INSERT INTO "event" VALUES(7,1.79590261670969080932e+09,'claimed','{"experiment": 4, "calls": [4]}');
INSERT INTO "event" VALUES(8,1.79590261671054244045e+09,'attempt','{"experiment": 4}');
INSERT INTO "event" VALUES(9,1.79590261673176455501e+09,'closing','{"experiment": 3}');
INSERT INTO "event" VALUES(10,1.79590261675622749329e+09,'state','{"state": "finished", "message": ""}');
CREATE TABLE experiment (
    number INTEGER PRIMARY KEY, parent INTEGER, target TEXT NOT NULL, summary TEXT NOT NULL, hypothesis TEXT NOT NULL,
    expect TEXT NOT NULL, agent TEXT NOT NULL, usage TEXT NOT NULL, reply TEXT NOT NULL,
    failure TEXT NOT NULL, fingerprint TEXT NOT NULL, proposed_at REAL NOT NULL,
    verdict TEXT, reason TEXT NOT NULL DEFAULT '', value REAL, judged_at REAL, commit_sha TEXT NOT NULL DEFAULT '');
INSERT INTO "experiment" VALUES(0,NULL,'X = 3.0
Y = 1.0
print(''val'', X)
loss = (X - 1) ** 2 + abs(Y)
','baseline','','','','{"calls": 0, "input": 0, "cached": 0, "written": 0, "output": 0, "seconds": 0.0, "cost": 0.0}','','','e8fcf308a18564fd',1.79590261607016611102e+09,'baseline','One run.',5.0,1.79590261632755517962e+09,'ef8afa78a459be0d6d3a21bc1bde70e49aaf427c');
INSERT INTO "experiment" VALUES(1,0,'X = 17.0
Y = 1.0
print(''val'', X)
loss = (X - 1) ** 2 + abs(Y)
','X 3 → 17','X: never changed so far. A bold step.','','tuner','{"calls": 0, "input": 0, "cached": 0, "written": 0, "output": 0, "seconds": 0.0, "cost": 0.0}','','','469ac4a8dabec166',1.79590261635905432697e+09,'discard','Not better: 257 against 5 of the current best, experiment 0.',257.0,1.79590261636898326875e+09,'d496a6aa87a764afb5520b742ab94a4e01959c85');
INSERT INTO "experiment" VALUES(2,0,'X = 0.94
Y = 1.0
print(''val'', X)
loss = (X - 1) ** 2 + abs(Y)
','X 3 → 0.94','X: raising it alone did not help, so the other way. A leap.','','tuner','{"calls": 0, "input": 0, "cached": 0, "written": 0, "output": 0, "seconds": 0.0, "cost": 0.0}','','','3ab3b049bc07c453',1.79590261640196442605e+09,'keep','Better: 1.0036 against 5 of the current best, experiment 0.',1.0036,1.79590261648618793486e+09,'52a67315bbc6bf3e7438d2955a979f8156711ec5');
INSERT INTO "experiment" VALUES(3,2,'X = 0.94
Y = 0.22
print(''val'', X)
loss = (X - 1) ** 2 + abs(Y)
','Y 1 → 0.22','Y: never changed so far. A bold step.','','tuner','{"calls": 0, "input": 0, "cached": 0, "written": 0, "output": 0, "seconds": 0.0, "cost": 0.0}','','','9b5def251dba8ee8',1.79590261656408619879e+09,'keep','Better: 0.2236 against 1.0036 of the current best, experiment 2.',2.23600000000000020961e-01,1.79590261657958436014e+09,'241b17bf667335a3cdd81a9ffa6ec1082766d76f');
INSERT INTO "experiment" VALUES(4,3,'X = 0.27
Y = 0.22
print(''val'', X)
loss = (X - 1) ** 2 + abs(Y)
','X 0.94 → 0.27','X: lowering it alone was kept when it was tried. Chosen by the model of all runs.','+1.96 (sd 5.2)','tuner','{"calls": 0, "input": 0, "cached": 0, "written": 0, "output": 0, "seconds": 0.0, "cost": 0.0}','','','28025334e81ee40e',1.79590261671010851859e+09,'discard','Not better: 0.7529 against 0.2236 of the current best, experiment 3.',7.52899999999999902655e-01,1.79590261672078847885e+09,'2663a07fb8617af394e6b64df3510c51c17c8c4d');
CREATE TABLE measurement (
    id INTEGER PRIMARY KEY, experiment INTEGER NOT NULL REFERENCES experiment (number), kind TEXT NOT NULL,
    outcome TEXT NOT NULL, value REAL, seed INTEGER NOT NULL, seconds REAL NOT NULL, charged REAL NOT NULL,
    evaluation REAL NOT NULL, steps INTEGER NOT NULL, memory REAL NOT NULL, curve TEXT NOT NULL, error TEXT NOT NULL,
    traceback TEXT NOT NULL, output TEXT NOT NULL, names TEXT NOT NULL, numbers TEXT NOT NULL DEFAULT '{}',
    made_at REAL NOT NULL, conditions TEXT, notes TEXT NOT NULL DEFAULT '[]',
    artifacts TEXT NOT NULL DEFAULT '{}');
INSERT INTO "measurement" VALUES(1,0,'baseline','ok',5.0,0,6.94319900503614917397e-03,0.0,1.94428001123014837503e-04,0,0.00995635986328125,'[]','','','val 3.0
','["X", "Y", "loss"]','{}',1.7959026163272953033e+09,NULL,'[]','{}');
INSERT INTO "measurement" VALUES(2,1,'candidate','ok',257.0,0,0.00702405800257111,0.0,2.03301999135874211788e-04,0,0.00989532470703125,'[]','','','val 17.0
','["X", "Y", "loss"]','{}',1.79590261636815118782e+09,NULL,'[]','{}');
INSERT INTO "measurement" VALUES(3,2,'candidate','ok',1.0036,0,7.78051199449691921472e-03,0.0,2.03541996597778052091e-04,0,9.88483428955078125e-03,'[]','','','val 0.94
','["X", "Y", "loss"]','{}',1.79590261641695451738e+09,NULL,'[]','{}');
INSERT INTO "measurement" VALUES(4,2,'candidate','ok',1.0036,1,7.87671399302780628204e-03,0.0,0.000216682004975155,0,9.88864898681640625e-03,'[]','','','val 0.94
','["X", "Y", "loss"]','{}',1.79590261645505857462e+09,NULL,'[]','{}');
INSERT INTO "measurement" VALUES(5,0,'incumbent','ok',5.0,1,6.3995609962148591876e-03,0.0,2.22160000703297555446e-04,0,9.8781585693359375e-03,'[]','','','val 3.0
','["X", "Y", "loss"]','{}',1.79590261647664785381e+09,'{"others": 0.552, "cores": 2, "steal": 0.0, "lost": null}','[]','{}');
INSERT INTO "measurement" VALUES(6,3,'candidate','ok',2.23600000000000020961e-01,0,7.62364799447823315858e-03,0.0,2.15931002458091825246e-04,0,9.87148284912109375e-03,'[]','','','val 0.94
','["X", "Y", "loss"]','{}',1.79590261657529783254e+09,'{"others": 0.772, "cores": 2, "steal": 0.0, "lost": null}','[]','{}');
INSERT INTO "measurement" VALUES(7,4,'candidate','ok',7.52899999999999902655e-01,0,7.20201299554901197552e-03,0.0,2.03732997761107981204e-04,0,9.81044769287109375e-03,'[]','','','val 0.27
','["X", "Y", "loss"]','{}',1.79590261671986627578e+09,'{"others": 0.929, "cores": 2, "steal": 0.0, "lost": null}','[]','{}');
INSERT INTO "measurement" VALUES(8,3,'incumbent','ok',2.23600000000000020961e-01,1,7.05072800337802618741e-03,0.0,2.19645997276529669761e-04,0,9.88674163818359375e-03,'[]','','','val 0.94
','["X", "Y", "loss"]','{}',1.79590261673964023594e+09,'{"others": 0.955, "cores": 2, "steal": 0.0, "lost": null}','[]','{}');
INSERT INTO "measurement" VALUES(9,3,'final','ok',2.23600000000000020961e-01,1000,6.35778899595607072114e-03,0.0,2.00597998627927154302e-04,0,9.80663299560546875e-03,'[]','','','val 0.94
','["X", "Y", "loss"]','{}',1795902616.74735,'{"others": 0.948, "cores": 2, "steal": 0.0, "lost": null}','[]','{}');
INSERT INTO "measurement" VALUES(10,0,'final','ok',5.0,1000,6.03581099858274683356e-03,0.0,2.07739001780282706022e-04,0,9.8476409912109375e-03,'[]','','','val 3.0
','["X", "Y", "loss"]','{}',1.79590261675426959993e+09,'{"others": 0.925, "cores": 2, "steal": 0.0, "lost": null}','[]','{}');
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO "meta" VALUES('created','1795902616.0320194');
INSERT INTO "meta" VALUES('definition','{"program": "Lower it\n\nSmall steps.", "target": "X = 3.0\nY = 1.0\nprint(''val'', X)\nloss = (X - 1) ** 2 + abs(Y)\n", "setup": "", "target_path": "", "setup_path": "", "checkout": null}');
INSERT INTO "meta" VALUES('format','1');
INSERT INTO "meta" VALUES('live','{"pid": 24078, "state": "starting"}');
INSERT INTO "meta" VALUES('message','""');
INSERT INTO "meta" VALUES('name','"old"');
INSERT INTO "meta" VALUES('seconds','0.7324464810008067');
INSERT INTO "meta" VALUES('settings','{"metric": "loss", "minimize": true, "scope": [], "verify": "", "guard": "", "guard_metric": "", "guard_threshold": null, "valid": "", "repo": "", "link": [], "hide": [], "also": [], "artifacts": [], "budget": 1.0, "clock": "running", "experiments": 4, "agent": "tuner", "effort": "", "base_url": "", "prefetch": true, "ask_ahead": 1, "repeat_idle": true, "blocks_from": 200, "reply_timeout": 600.0, "hours": null, "minutes": null, "max_tokens": null, "max_cost": null, "repeats": 1, "noise": "", "min_delta": 0.0, "statistic": "mean", "judge": "expected", "pairs": 8, "bounds": "", "pruner": "curve", "patience": null, "max_runs": null, "until": null, "evals_interval": null, "timeout": null, "threads": 1, "memory": 20221201612, "seed": 0, "pass_env": [], "fresh": false}');
INSERT INTO "meta" VALUES('state','"finished"');
CREATE INDEX measurement_of ON measurement (experiment, kind);
CREATE INDEX experiment_mark ON experiment (number, verdict, judged_at, commit_sha);
COMMIT;
