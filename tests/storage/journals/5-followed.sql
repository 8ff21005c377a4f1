BEGIN TRANSACTION;
CREATE TABLE event (id INTEGER PRIMARY KEY, at REAL NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL);
INSERT INTO "event" VALUES(1,1.79590261444456720345e+09,'claimed','{"experiment": 1, "calls": [1]}');
INSERT INTO "event" VALUES(2,1.79590261445444417001e+09,'attempt','{"experiment": 1}');
INSERT INTO "event" VALUES(3,1.79590261449573922159e+09,'claimed','{"experiment": 2, "calls": [2]}');
INSERT INTO "event" VALUES(4,1.79590261449913620945e+09,'attempt','{"experiment": 2}');
INSERT INTO "event" VALUES(5,1.79590261466376566882e+09,'claimed','{"experiment": 3, "calls": [3]}');
INSERT INTO "event" VALUES(6,1.79590261467105150221e+09,'attempt','{"experiment": 3}');
INSERT INTO "event" VALUES(7,1.79590261481841683387e+09,'claimed','{"experiment": 4, "calls": [4]}');
INSERT INTO "event" VALUES(8,1.79590261482051420215e+09,'attempt','{"experiment": 4}');
INSERT INTO "event" VALUES(9,1.79590261484215021133e+09,'closing','{"experiment": 3}');
INSERT INTO "event" VALUES(10,1.79590261486658620839e+09,'state','{"state": "finished", "message": ""}');
CREATE TABLE experiment (
    number INTEGER PRIMARY KEY, parent INTEGER, target TEXT NOT NULL, summary TEXT NOT NULL, hypothesis TEXT NOT NULL,
    expect TEXT NOT NULL, agent TEXT NOT NULL, usage TEXT NOT NULL, reply TEXT NOT NULL,
    failure TEXT NOT NULL, fingerprint TEXT NOT NULL, proposed_at REAL NOT NULL,
    verdict TEXT, reason TEXT NOT NULL DEFAULT '', value REAL, judged_at REAL, commit_sha TEXT NOT NULL DEFAULT '');
INSERT INTO "experiment" VALUES(0,NULL,'X = 3.0
Y = 1.0
print(''val'', X)
loss = (X - 1) ** 2 + abs(Y)
','baseline','','','','{"calls": 0, "input": 0, "cached": 0, "written": 0, "output": 0, "seconds": 0.0, "cost": 0.0}','','','e8fcf308a18564fd',1.79590261416200733181e+09,'baseline','One run.',5.0,1.79590261441909623146e+09,'eaffd98cdafc79e571c645f87e99d05daaf79887');
INSERT INTO "experiment" VALUES(1,0,'X = 17.0
Y = 1.0
print(''val'', X)
loss = (X - 1) ** 2 + abs(Y)
','X 3 → 17','X: never changed so far. A bold step.','','tuner','{"calls": 0, "input": 0, "cached": 0, "written": 0, "output": 0, "seconds": 0.0, "cost": 0.0}','','','469ac4a8dabec166',1.79590261444475626948e+09,'discard','Not better: 257 against 5 of the current best, experiment 0.',257.0,1.79590261446841764451e+09,'b02743f9dbe6db814cd0e0489ce5b0e25dca06ec');
INSERT INTO "experiment" VALUES(2,0,'X = 0.94
Y = 1.0
print(''val'', X)
loss = (X - 1) ** 2 + abs(Y)
','X 3 → 0.94','X: raising it alone did not help, so the other way. A leap.','','tuner','{"calls": 0, "input": 0, "cached": 0, "written": 0, "output": 0, "seconds": 0.0, "cost": 0.0}','','','3ab3b049bc07c453',1.79590261449886679648e+09,'keep','Better: 1.0036 against 5 of the current best, experiment 0.',1.0036,1.79590261457303023342e+09,'cf612ea232ca690f62317b9ab60a8f91362f2318');
INSERT INTO "experiment" VALUES(3,2,'X = 0.94
Y = 0.22
print(''val'', X)
loss = (X - 1) ** 2 + abs(Y)
','Y 1 → 0.22','Y: never changed so far. A bold step.','','tuner','{"calls": 0, "input": 0, "cached": 0, "written": 0, "output": 0, "seconds": 0.0, "cost": 0.0}','','','9b5def251dba8ee8',1.7959026146690607071e+09,'keep','Better: 0.2236 against 1.0036 of the current best, experiment 2.',2.23600000000000020961e-01,1.79590261468384599684e+09,'8d638f4b71a6ef3e4cc9223fd4519cb2739ef746');
INSERT INTO "experiment" VALUES(4,3,'X = 0.27
Y = 0.22
print(''val'', X)
loss = (X - 1) ** 2 + abs(Y)
','X 0.94 → 0.27','X: lowering it alone was kept when it was tried. Chosen by the model of all runs.','+1.96 (sd 5.2)','tuner','{"calls": 0, "input": 0, "cached": 0, "written": 0, "output": 0, "seconds": 0.0, "cost": 0.0}','','','28025334e81ee40e',1.79590261482006812096e+09,'discard','Not better: 0.7529 against 0.2236 of the current best, experiment 3.',7.52899999999999902655e-01,1.79590261483133578298e+09,'95fd531a34eb1b36b1afb6b267d8f9bff13b1868');
CREATE TABLE measurement (
    id INTEGER PRIMARY KEY, experiment INTEGER NOT NULL REFERENCES experiment (number), kind TEXT NOT NULL,
    outcome TEXT NOT NULL, value REAL, seed INTEGER NOT NULL, seconds REAL NOT NULL, charged REAL NOT NULL,
    evaluation REAL NOT NULL, steps INTEGER NOT NULL, memory REAL NOT NULL, curve TEXT NOT NULL, error TEXT NOT NULL,
    traceback TEXT NOT NULL, output TEXT NOT NULL, names TEXT NOT NULL, numbers TEXT NOT NULL DEFAULT '{}',
    made_at REAL NOT NULL, conditions TEXT, notes TEXT NOT NULL DEFAULT '[]',
    artifacts TEXT NOT NULL DEFAULT '{}');
INSERT INTO "measurement" VALUES(1,0,'baseline','ok',5.0,0,6.6602090009837411344e-03,0.0,1.92344996321480721235e-04,0,9.9925994873046875e-03,'[]','','','val 3.0
','["X", "Y", "loss"]','{}',1.79590261441881704333e+09,NULL,'[]','{}');
INSERT INTO "measurement" VALUES(2,1,'candidate','ok',257.0,0,7.02017299772705882787e-03,0.0,1.86227000085636973381e-04,0,9.929656982421875e-03,'[]','','','val 17.0
','["X", "Y", "loss"]','{}',1.79590261446764540677e+09,NULL,'[]','{}');
INSERT INTO "measurement" VALUES(3,2,'candidate','ok',1.0036,0,7.95247700443724170327e-03,0.0,2.17082000744994729757e-04,0,9.9506378173828125e-03,'[]','','','val 0.94
','["X", "Y", "loss"]','{}',1.7959026145096027851e+09,NULL,'[]','{}');
INSERT INTO "measurement" VALUES(4,2,'candidate','ok',1.0036,1,7.14109199907397851347e-03,0.0,2.04363001103047281503e-04,0,9.937286376953125e-03,'[]','','','val 0.94
','["X", "Y", "loss"]','{}',1.79590261455467915538e+09,NULL,'[]','{}');
INSERT INTO "measurement" VALUES(5,0,'incumbent','ok',5.0,1,8.46417599677806720137e-03,0.0,1.97672998183406889438e-04,0,9.9086761474609375e-03,'[]','','','val 3.0
','["X", "Y", "loss"]','{}',1.79590261456666707992e+09,'{"others": 0.564, "cores": 2, "steal": 0.0, "lost": null}','[]','{}');
INSERT INTO "measurement" VALUES(6,3,'candidate','ok',2.23600000000000020961e-01,0,7.44537400169065222144e-03,0.0,2.17843997234012931585e-04,0,9.9391937255859375e-03,'[]','','','val 0.94
','["X", "Y", "loss"]','{}',1.79590261468326449394e+09,'{"others": 0.791, "cores": 2, "steal": 0.0, "lost": null}','[]','{}');
INSERT INTO "measurement" VALUES(7,4,'candidate','ok',7.52899999999999902655e-01,0,7.50911900104256346821e-03,0.0,2.17002001591026782989e-04,0,9.906768798828125e-03,'[]','','','val 0.27
','["X", "Y", "loss"]','{}',1.79590261483064055438e+09,'{"others": 0.877, "cores": 2, "steal": 0.0, "lost": null}','[]','{}');
INSERT INTO "measurement" VALUES(8,3,'incumbent','ok',2.23600000000000020961e-01,1,6.60660799621837213635e-03,0.0,2.10101999982725828886e-04,0,9.8972320556640625e-03,'[]','','','val 0.94
','["X", "Y", "loss"]','{}',1.79590261484964895241e+09,'{"others": 0.887, "cores": 2, "steal": 0.0, "lost": null}','[]','{}');
INSERT INTO "measurement" VALUES(9,3,'final','ok',2.23600000000000020961e-01,1000,0.00626369899691781,0.0,2.01740003831218928098e-04,0,9.9086761474609375e-03,'[]','','','val 0.94
','["X", "Y", "loss"]','{}',1.79590261485722923282e+09,'{"others": 0.899, "cores": 2, "steal": 0.0, "lost": null}','[]','{}');
INSERT INTO "measurement" VALUES(10,0,'final','ok',5.0,1000,4.77833500190172344446e-03,0.0,3.64822000847198069095e-04,0,9.9163055419921875e-03,'[]','','','val 3.0
','["X", "Y", "loss"]','{}',1.79590261486292409893e+09,'{"others": 0.878, "cores": 2, "steal": 0.0, "lost": null}','[]','{}');
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO "meta" VALUES('created','1795902614.1221447');
INSERT INTO "meta" VALUES('definition','{"program": "Lower it\n\nSmall steps.", "target": "X = 3.0\nY = 1.0\nprint(''val'', X)\nloss = (X - 1) ** 2 + abs(Y)\n", "setup": "", "target_path": "", "setup_path": "", "checkout": null}');
INSERT INTO "meta" VALUES('format','1');
INSERT INTO "meta" VALUES('live','{"pid": 23952, "state": "starting"}');
INSERT INTO "meta" VALUES('message','""');
INSERT INTO "meta" VALUES('name','"old"');
INSERT INTO "meta" VALUES('seconds','0.752135732996976');
INSERT INTO "meta" VALUES('settings','{"metric": "loss", "minimize": true, "scope": [], "verify": "", "guard": "", "guard_metric": "", "guard_threshold": null, "valid": "", "repo": "", "link": [], "hide": [], "artifacts": [], "budget": 1.0, "clock": "running", "experiments": 4, "agent": "tuner", "effort": "", "base_url": "", "prefetch": true, "ask_ahead": 1, "repeat_idle": true, "blocks_from": 200, "reply_timeout": 600.0, "hours": null, "minutes": null, "max_tokens": null, "max_cost": null, "repeats": 1, "noise": "", "min_delta": 0.0, "statistic": "mean", "judge": "expected", "pairs": 8, "bounds": "", "pruner": "curve", "patience": null, "max_runs": null, "until": null, "evals_interval": null, "timeout": null, "threads": 1, "memory": 20221201612, "seed": 0, "pass_env": [], "fresh": false}');
INSERT INTO "meta" VALUES('state','"finished"');
CREATE INDEX experiment_mark ON experiment (number, verdict, judged_at, commit_sha);
COMMIT;
