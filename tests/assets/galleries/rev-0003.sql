BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0003');
CREATE TABLE calibration (
	space_id VARCHAR(64) NOT NULL, 
	created_at DATETIME NOT NULL, 
	generation BIGINT NOT NULL, 
	payload BLOB NOT NULL, 
	CONSTRAINT pk_calibration PRIMARY KEY (space_id)
);
INSERT INTO "calibration" VALUES('a2773d804cbe60f8','2026-11-24 04:26:48.696840',2,X'63616C6962726174696F6E');
CREATE TABLE change_log (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	generation BIGINT NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	class_id BIGINT, 
	example_id BIGINT
);
INSERT INTO "change_log" VALUES(1,1,'add',1,NULL);
INSERT INTO "change_log" VALUES(2,1,'add',2,NULL);
INSERT INTO "change_log" VALUES(3,1,'add',3,NULL);
INSERT INTO "change_log" VALUES(4,1,'add',4,NULL);
INSERT INTO "change_log" VALUES(5,1,'add',1,1);
INSERT INTO "change_log" VALUES(6,1,'add',2,2);
INSERT INTO "change_log" VALUES(7,1,'add',3,3);
INSERT INTO "change_log" VALUES(8,1,'add',4,4);
INSERT INTO "change_log" VALUES(9,2,'remove',3,3);
INSERT INTO "change_log" VALUES(10,2,'rename',1,NULL);
INSERT INTO "change_log" VALUES(11,2,'pin',2,NULL);
INSERT INTO "change_log" VALUES(12,2,'space',NULL,NULL);
INSERT INTO "change_log" VALUES(13,2,'calibrate',NULL,NULL);
INSERT INTO "change_log" VALUES(14,2,'head',NULL,NULL);
CREATE TABLE class (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	label TEXT NOT NULL, 
	attributes JSON NOT NULL, 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME NOT NULL, 
	pinned_threshold DOUBLE, 
	pinned_space VARCHAR(64), 
	CONSTRAINT uq_class_label UNIQUE (label)
);
INSERT INTO "class" VALUES(1,'tea cup','{"number": 0}','2026-11-24 04:26:48.668914','2026-11-24 04:26:48.696840',NULL,NULL);
INSERT INTO "class" VALUES(2,'café','{"number": 1}','2026-11-24 04:26:48.668914','2026-11-24 04:26:48.696840',0.625,'a2773d804cbe60f8');
INSERT INTO "class" VALUES(3,'mug','{"number": 2}','2026-11-24 04:26:48.668914','2026-11-24 04:26:48.696840',NULL,NULL);
INSERT INTO "class" VALUES(4,'狐','{"number": 3}','2026-11-24 04:26:48.668914','2026-11-24 04:26:48.668914',NULL,NULL);
CREATE TABLE class_statistics (
	class_id INTEGER NOT NULL, 
	space_id VARCHAR(64) NOT NULL, 
	mean DOUBLE NOT NULL, 
	std DOUBLE NOT NULL, 
	cohort_size INTEGER NOT NULL, 
	CONSTRAINT pk_class_statistics PRIMARY KEY (class_id, space_id), 
	CONSTRAINT fk_class_statistics_class_id FOREIGN KEY(class_id) REFERENCES class (id) ON DELETE CASCADE
);
INSERT INTO "class_statistics" VALUES(4,'a2773d804cbe60f8',0.25,0.125,7);
CREATE TABLE embedding (
	example_id INTEGER NOT NULL, 
	space_id VARCHAR(64) NOT NULL, 
	vector BLOB NOT NULL, 
	CONSTRAINT pk_embedding PRIMARY KEY (example_id, space_id), 
	CONSTRAINT fk_embedding_example_id FOREIGN KEY(example_id) REFERENCES example (id) ON DELETE CASCADE, 
	CONSTRAINT fk_embedding_space_id FOREIGN KEY(space_id) REFERENCES space (id) ON DELETE CASCADE
);
INSERT INTO "embedding" VALUES(1,'a2773d804cbe60f8',X'0000803F000000000000000000000000');
INSERT INTO "embedding" VALUES(2,'a2773d804cbe60f8',X'000000000000803F0000000000000000');
INSERT INTO "embedding" VALUES(4,'a2773d804cbe60f8',X'0000000000000000000000000000803F');
CREATE TABLE example (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	class_id INTEGER NOT NULL, 
	source TEXT NOT NULL, 
	content_hash VARCHAR(64) NOT NULL, 
	width INTEGER NOT NULL, 
	height INTEGER NOT NULL, 
	created_at DATETIME NOT NULL, 
	warnings JSON NOT NULL, 
	origin TEXT, 
	CONSTRAINT fk_example_class_id FOREIGN KEY(class_id) REFERENCES class (id) ON DELETE CASCADE, 
	CONSTRAINT uq_example_class_id_content_hash UNIQUE (class_id, content_hash)
);
INSERT INTO "example" VALUES(1,1,'cup.png','0000000000000000000000000000000000000000000000000000000000000000',100,50,'2026-11-24 04:26:48.668914','[]',NULL);
INSERT INTO "example" VALUES(2,2,'6f646420edb3bf206e616d652e706e67','0000000000000000000000000000000000000000000000000000000000000001',101,50,'2026-11-24 04:26:48.668914','["is blurred"]','catalog/');
INSERT INTO "example" VALUES(4,4,'fox.png','0000000000000000000000000000000000000000000000000000000000000003',103,50,'2026-11-24 04:26:48.668914','[]','catalog/');
CREATE TABLE feedback (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	created_at DATETIME NOT NULL, 
	label TEXT, 
	decided TEXT, 
	similarity DOUBLE, 
	threshold DOUBLE, 
	vector BLOB NOT NULL, 
	space_id VARCHAR(64) NOT NULL
);
CREATE TABLE gallery (
	id INTEGER NOT NULL, 
	uuid VARCHAR(36) NOT NULL, 
	created_at DATETIME NOT NULL, 
	generation BIGINT NOT NULL, 
	trimmed_generation BIGINT NOT NULL, 
	space_id VARCHAR(64) NOT NULL, 
	projection_id VARCHAR(64), 
	keep_pictures VARCHAR(16) NOT NULL, 
	target_fpir DOUBLE NOT NULL, 
	CONSTRAINT pk_gallery PRIMARY KEY (id), 
	CONSTRAINT ck_gallery_single_row CHECK (id = 1), 
	CONSTRAINT fk_gallery_projection_id FOREIGN KEY(projection_id) REFERENCES projection (id), 
	CONSTRAINT fk_gallery_space_id FOREIGN KEY(space_id) REFERENCES space (id)
);
INSERT INTO "gallery" VALUES(1,'68e1937f-7540-4636-a130-abb7aa3fe6a1','2026-11-24 04:26:48.603585',2,0,'a2773d804cbe60f8','cccccccccccccccc','bounded',0.01);
CREATE TABLE job (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	kind VARCHAR(16) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	parameters JSON NOT NULL, 
	done INTEGER NOT NULL, 
	total INTEGER NOT NULL, 
	report JSON NOT NULL, 
	error TEXT, 
	cancelling BOOLEAN NOT NULL, 
	worker VARCHAR(64), 
	seen_at DATETIME, 
	created_at DATETIME NOT NULL, 
	started_at DATETIME, 
	finished_at DATETIME
);
CREATE TABLE kept_query (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	created_at DATETIME NOT NULL, 
	source TEXT NOT NULL, 
	content_hash VARCHAR(64) NOT NULL, 
	picture BLOB NOT NULL, 
	vector BLOB NOT NULL, 
	space_id VARCHAR(64) NOT NULL, 
	nearest_id BIGINT, 
	similarity DOUBLE, 
	threshold DOUBLE, 
	width INTEGER NOT NULL, 
	height INTEGER NOT NULL
);
CREATE TABLE picture (
	example_id INTEGER NOT NULL, 
	bytes BLOB NOT NULL, 
	CONSTRAINT pk_picture PRIMARY KEY (example_id), 
	CONSTRAINT fk_picture_example_id FOREIGN KEY(example_id) REFERENCES example (id) ON DELETE CASCADE
);
INSERT INTO "picture" VALUES(1,X'000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F404142434445464748494A4B4C4D4E4F505152535455565758595A5B5C5D5E5F606162636465666768696A6B6C6D6E6F707172737475767778797A7B7C7D7E7F808182838485868788898A8B8C8D8E8F909192939495969798999A9B9C9D9E9FA0A1A2A3A4A5A6A7A8A9AAABACADAEAFB0B1B2B3B4B5B6B7B8B9BABBBCBDBEBFC0C1C2C3C4C5C6C7C8C9CACBCCCDCECFD0D1D2D3D4D5D6D7D8D9DADBDCDDDEDFE0E1E2E3E4E5E6E7E8E9EAEBECEDEEEFF0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF');
CREATE TABLE projection (
	id VARCHAR(64) NOT NULL, 
	space_id VARCHAR(64) NOT NULL, 
	kind VARCHAR(64) NOT NULL, 
	payload BLOB NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_projection PRIMARY KEY (id), 
	CONSTRAINT fk_projection_space_id FOREIGN KEY(space_id) REFERENCES space (id) ON DELETE CASCADE
);
INSERT INTO "projection" VALUES('cccccccccccccccc','a2773d804cbe60f8','whitening',X'7061796C6F6164','2026-11-24 04:26:48.696840');
CREATE TABLE reject (
	source TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_reject PRIMARY KEY (source)
);
INSERT INTO "reject" VALUES('broken.png','is truncated','2026-11-24 04:26:48.696840');
CREATE TABLE siamese_head (
	space_id VARCHAR(64) NOT NULL, 
	created_at DATETIME NOT NULL, 
	generation BIGINT NOT NULL, 
	payload BLOB NOT NULL, 
	CONSTRAINT pk_siamese_head PRIMARY KEY (space_id)
);
INSERT INTO "siamese_head" VALUES('a2773d804cbe60f8','2026-11-24 04:26:48.696840',2,X'68656164');
CREATE TABLE space (
	id VARCHAR(64) NOT NULL, 
	backbone TEXT NOT NULL, 
	weights_hash VARCHAR(128) NOT NULL, 
	preprocessing_hash VARCHAR(128) NOT NULL, 
	dimension INTEGER NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_space PRIMARY KEY (id)
);
INSERT INTO "space" VALUES('a2773d804cbe60f8','fake','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb',4,'2026-11-24 04:26:48.603585');
CREATE TABLE token (
	id VARCHAR(32) NOT NULL, 
	name TEXT NOT NULL, 
	secret_hash VARCHAR(64) NOT NULL, 
	scope VARCHAR(16) NOT NULL, 
	created_at DATETIME NOT NULL, 
	revoked_at DATETIME, 
	CONSTRAINT pk_token PRIMARY KEY (id)
);
CREATE INDEX ix_example_source ON example (source);
CREATE INDEX ix_example_content_hash ON example (content_hash);
CREATE INDEX ix_example_origin ON example (origin);
CREATE INDEX ix_change_log_generation ON change_log (generation);
CREATE INDEX ix_job_state ON job (state);
CREATE INDEX ix_kept_query_content_hash ON kept_query (content_hash);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('class',4);
INSERT INTO "sqlite_sequence" VALUES('example',4);
INSERT INTO "sqlite_sequence" VALUES('change_log',14);
COMMIT;
