CREATE TABLE "mark_reason" (
	"agency_id" integer NOT NULL,
	"id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "mark_reason_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"cabinet_id" bigint NOT NULL,
	"listing_id" bigint NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"outcome" text NOT NULL,
	"reason" text,
	CONSTRAINT "mark_reason_agency_id_id_pk" PRIMARY KEY("agency_id","id")
);
--> statement-breakpoint
CREATE INDEX "mark_reason_agency_id_cabinet_id_listing_id_id_index" ON "mark_reason" USING btree ("agency_id","cabinet_id","listing_id","id");
--> statement-breakpoint
-- What keeps a mark off now has kept it off since its outcome is this one.
INSERT INTO "mark_reason" ("agency_id", "cabinet_id", "listing_id", "at", "outcome", "reason")
SELECT "agency_id", "cabinet_id", "listing_id", "since", "outcome", "reason" FROM "mark_outcome"
WHERE "outcome" IN ('off-market', 'out-of-term', 'stale', 'blocked', 'awaiting-moderation', 'returned', 'duplicate', 'unfunded');
