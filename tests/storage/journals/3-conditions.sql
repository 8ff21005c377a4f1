BEGIN TRANSACTION;
CREATE TABLE event (id INTEGER PRIMARY KEY, at REAL NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL);
INSERT INTO "event" VALUES(1,1.79590261066882705695e+09,'claimed','{"experiment": 1, "calls": [1]}');
INSERT INTO "event" VALUES(2,1.79590261066908335688e+09,'attempt','{"experiment": 1}');
INSERT INTO "event" VALUES(3,1.79590261071101212498e+09,'claimed','{"experiment": 2, "calls": [2]}');
INSERT INTO "event" VALUES(4,1.79590261071177911757e+09,'attempt','{"experiment": 2}');
INSERT INTO "event" VALUES(5,1.79590261075406312949e+09,'claimed','{"experiment": 3, "calls": [3]}');
INSERT INTO "event" VALUES(6,1.79590261075532722475e+09,'attempt','{"experiment": 3}');
INSERT INTO "event" VALUES(7,1.7959026108743927479e+09,'claimed','{"experiment": 4, "calls": [4]}');
INSERT INTO "event" VALUES(8,1.79590261087551403048e+09,'attempt','{"experiment": 4}');
INSERT INTO "event" VALUES(9,1.79590261099819254874e+09,'state','{"state": "finished", "message": ""}');
CREATE TABLE experiment (
    number INTEGER PRIMARY KEY, parent INTEGER, target TEXT NOT NULL, summary TEXT NOT NULL, hypothesis TEXT NOT NULL,
    expect TEXT NOT NULL, agent TEXT NOT NULL, usage TEXT NOT NULL, reply TEXT NOT NULL,
    failure TEXT NOT NULL, fingerprint TEXT NOT NULL, proposed_at REAL NOT NULL,
    verdict TEXT, reason TEXT NOT NULL DEFAULT '', value REAL, judged_at REAL, commit_sha TEXT NOT NULL DEFAULT '');
INSERT INTO "experiment" VALUES(0,NULL,'X = 3.0
Y = 1.0
print(''val'', X)
loss = (X - 1) ** 2 + abs(Y)
','baseline','','','','{"calls": 0, "input": 0, "cached": 0, "written": 0, "output": 0, "seconds": 0.0, "cost": 0.0}','','','e8fcf308a18564fd',1.79590261038706660266e+09,'baseline','One run.',5.0,1.79590261063992071149e+09,'b8355af8732a46cb0f574c00ab9052c103367703');
INSERT INTO "experiment" VALUES(1,0,'X = 17.0
Y = 1.0
print(''val'', X)
loss = (X - 1) ** 2 + abs(Y)
','X 3 → 17','X: never changed so far.','','tuner','{"calls": 0, "input": 0, "cached": 0, "written": 0, "output": 0, "seconds": 0.0, "cost": 0.0}','','','469ac4a8dabec166',1.79590261066898894308e+09,'discard','Not better: 257 against 5 of the current best, experiment 0, worse by 252.',257.0,1.7959026106826694012e+09,'ab2426174c650d588fc811334f9d87cad167ff7c');
INSERT INTO "experiment" VALUES(2,0,'X = 3.0
Y = 5.5
print(''val'', X)
loss = (X - 1) ** 2 + abs(Y)
','Y 1 → 5.5','Y: never changed so far.','','tuner','{"calls": 0, "input": 0, "cached": 0, "written": 0, "output": 0, "seconds": 0.0, "cost": 0.0}','','','de679f410555b9fb',1.79590261071153879171e+09,'discard','Not better: 9.5 against 5 of the current best, experiment 0, worse by 4.5.',9.5,1.79590261073257207867e+09,'cd42a335e483c2203bb457302ebe92f890a2a216');
INSERT INTO "experiment" VALUES(3,0,'X = 0.66
Y = 1.0
print(''val'', X)
loss = (X - 1) ** 2 + abs(Y)
','X 3 → 0.66','X: raising it alone did not help, so the other way.','','tuner','{"calls": 0, "input": 0, "cached": 0, "written": 0, "output": 0, "seconds": 0.0, "cost": 0.0}','','','4e05ff33356ccf6b',1.79590261075460815433e+09,'keep','Better: 1.1156 against 5 of the current best, experiment 0 (2 and 2 runs), better by 3.88.',1.1156,1.79590261080684065811e+09,'0205a4612ed011aa9ce65c1469228773d7baeb78');
INSERT INTO "experiment" VALUES(4,3,'X = 0.66
Y = 0.2
print(''val'', X)
loss = (X - 1) ** 2 + abs(Y)
','Y 1 → 0.2','Y: raising it alone did not help, so the other way.','','tuner','{"calls": 0, "input": 0, "cached": 0, "written": 0, "output": 0, "seconds": 0.0, "cost": 0.0}','','','529fe5b41d78ceb6',1.79590261087498259543e+09,'keep','Better: 0.3156 against 1.1156 of the current best, experiment 3, better by 0.8.',0.3156,1.79590261089222812647e+09,'90791fadeb8ffcb7b106a6ba1dbce135eff2e4bc');
CREATE TABLE measurement (
    id INTEGER PRIMARY KEY, experiment INTEGER NOT NULL REFERENCES experiment (number), kind TEXT NOT NULL,
    outcome TEXT NOT NULL, value REAL, seed INTEGER NOT NULL, seconds REAL NOT NULL, charged REAL NOT NULL,
    evaluation REAL NOT NULL, steps INTEGER NOT NULL, memory REAL NOT NULL, curve TEXT NOT NULL, error TEXT NOT NULL,
    traceback TEXT NOT NULL, output TEXT NOT NULL, names TEXT NOT NULL, numbers TEXT NOT NULL DEFAULT '{}',
    made_at REAL NOT NULL, conditions TEXT);
INSERT INTO "measurement" VALUES(1,0,'baseline','ok',5.0,0,6.69192500208737328648e-03,0.0,1.89220998436212539672e-04,0,1.00498199462890625e-02,'[]','','','val 3.0
','["X", "Y", "loss"]','{}',1.79590261063968753812e+09,NULL);
INSERT INTO "measurement" VALUES(2,1,'candidate','ok',257.0,0,5.5542310001328587532e-03,0.0,1.92475999938324093818e-04,0,9.9201202392578125e-03,'[]','','','val 17.0
','["X", "Y", "loss"]','{}',1.79590261068216419217e+09,NULL);
INSERT INTO "measurement" VALUES(3,2,'candidate','ok',9.5,0,7.37264600320486351847e-03,0.0,0.000201399001525715,0,1.00078582763671875e-02,'[]','','','val 3.0
','["X", "Y", "loss"]','{}',1.79590261072875499726e+09,NULL);
INSERT INTO "measurement" VALUES(4,3,'candidate','ok',1.1156,0,6.96669400349492207169e-03,0.0,2.10402002267073839902e-04,0,1.005458831787109375e-02,'[]','','','val 0.66
','["X", "Y", "loss"]','{}',1.79590261077652359007e+09,NULL);
INSERT INTO "measurement" VALUES(5,0,'incumbent','ok',5.0,1,7.52917899808380752801e-03,0.0,2.06436001462861895561e-04,0,0.00998687744140625,'[]','','','val 3.0
','["X", "Y", "loss"]','{}',1.79590261079665613171e+09,'{"others": 0.628, "cores": 2, "steal": 0.0}');
INSERT INTO "measurement" VALUES(6,3,'candidate','ok',1.1156,1,6.51605400344124063849e-03,0.0,1.898519985843449831e-04,0,1.002025604248046875e-02,'[]','','','val 0.66
','["X", "Y", "loss"]','{}',1.79590261080625224112e+09,'{"others": 0.651, "cores": 2, "steal": 0.0}');
INSERT INTO "measurement" VALUES(7,4,'candidate','ok',0.3156,0,7.2285920032300055027e-03,0.0,1.92776002222672104835e-04,0,1.001453399658203125e-02,'[]','','','val 0.66
','["X", "Y", "loss"]','{}',1.79590261088654685019e+09,'{"others": 0.731, "cores": 2, "steal": 0.0}');
INSERT INTO "measurement" VALUES(8,4,'final','ok',0.3156,1000,8.1345880025764927268e-03,0.0,3.59493998985271900892e-04,0,1.002788543701171875e-02,'[]','','','val 0.66
','["X", "Y", "loss"]','{}',1.7959026109846453667e+09,'{"others": 0.865, "cores": 2, "steal": 0.0}');
INSERT INTO "measurement" VALUES(9,0,'final','ok',5.0,1000,6.72907099942676723003e-03,0.0,3.58753000909928232431e-04,0,9.9697113037109375e-03,'[]','','','val 3.0
','["X", "Y", "loss"]','{}',1.79590261099339795107e+09,'{"others": 0.852, "cores": 2, "steal": 0.0}');
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO "meta" VALUES('created','1795902610.3318288');
INSERT INTO "meta" VALUES('definition','{"program": "Lower it\n\nSmall steps.", "target": "X = 3.0\nY = 1.0\nprint(''val'', X)\nloss = (X - 1) ** 2 + abs(Y)\n", "setup": "", "target_path": "", "setup_path": "", "checkout": null}');
INSERT INTO "meta" VALUES('format','1');
INSERT INTO "meta" VALUES('message','""');
INSERT INTO "meta" VALUES('name','"old"');
INSERT INTO "meta" VALUES('seconds','0.6737807950048591');
INSERT INTO "meta" VALUES('settings','{"metric": "loss", "minimize": true, "scope": [], "verify": "", "guard": "", "guard_metric": "", "guard_threshold": null, "valid": "", "repo": "", "link": [], "hide": [], "budget": 1.0, "experiments": 4, "agent": "tuner", "effort": "", "base_url": "", "prefetch": true, "blocks_from": 200, "reply_timeout": 600.0, "hours": null, "minutes": null, "max_tokens": null, "max_cost": null, "repeats": 1, "noise": "", "min_delta": 0.0, "judge": "sequential", "pairs": 8, "bounds": "", "pruner": "curve", "patience": null, "until": null, "evals_interval": null, "timeout": null, "threads": 1, "memory": 20221201612, "seed": 0, "pass_env": [], "fresh": false}');
INSERT INTO "meta" VALUES('state','"finished"');
COMMIT;
