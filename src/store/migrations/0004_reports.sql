CREATE TABLE "audience_day" (
	"agency_id" integer NOT NULL,
	"cabinet_id" bigint NOT NULL,
	"listing_id" bigint NOT NULL,
	"day" date NOT NULL,
	"views" integer,
	"calls" integer,
	CONSTRAINT "audience_day_agency_id_cabinet_id_listing_id_day_pk" PRIMARY KEY("agency_id","cabinet_id","listing_id","day"),
	CONSTRAINT "audience_counts" CHECK (views >= 0 and calls >= 0 and coalesce(views, calls) is not null)
);
--> statement-breakpoint
CREATE TABLE "mail" (
	"agency_id" integer NOT NULL,
	"id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "mail_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"key" text NOT NULL,
	"employee_id" bigint NOT NULL,
	"subject" text NOT NULL,
	"text" text NOT NULL,
	"html" text NOT NULL,
	"png" "bytea",
	"created_at" timestamp with time zone NOT NULL,
	"due_at" timestamp with time zone NOT NULL,
	"tries" smallint DEFAULT 0 NOT NULL,
	"sent_at" timestamp with time zone,
	"failed_at" timestamp with time zone,
	"error" text,
	CONSTRAINT "mail_agency_id_id_pk" PRIMARY KEY("agency_id","id"),
	CONSTRAINT "mail_agency_id_key_unique" UNIQUE("agency_id","key")
);
--> statement-breakpoint
CREATE TABLE "owner_link" (
	"token_hash" text PRIMARY KEY NOT NULL,
	"agency_id" integer NOT NULL,
	"listing_id" bigint NOT NULL,
	"by" text NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"revoked_at" timestamp with time zone,
	"last_seen_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "report_subscription" (
	"agency_id" integer NOT NULL,
	"id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "report_subscription_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"employee_id" bigint NOT NULL,
	"query" jsonb NOT NULL,
	"weeks" smallint NOT NULL,
	"weekday" smallint NOT NULL,
	"at_minute" smallint NOT NULL,
	"by" text NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"last_slot" timestamp with time zone NOT NULL,
	CONSTRAINT "report_subscription_agency_id_id_pk" PRIMARY KEY("agency_id","id")
);
--> statement-breakpoint
ALTER TABLE "pause" ADD COLUMN "employee_id" bigint;--> statement-breakpoint
ALTER TABLE "audience_day" ADD CONSTRAINT "audience_day_agency_id_cabinet_id_cabinet_agency_id_id_fk" FOREIGN KEY ("agency_id","cabinet_id") REFERENCES "public"."cabinet"("agency_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "audience_day" ADD CONSTRAINT "audience_day_agency_id_listing_id_listing_agency_id_id_fk" FOREIGN KEY ("agency_id","listing_id") REFERENCES "public"."listing"("agency_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "mail" ADD CONSTRAINT "mail_agency_id_agency_id_fk" FOREIGN KEY ("agency_id") REFERENCES "public"."agency"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "mail" ADD CONSTRAINT "mail_agency_id_employee_id_employee_agency_id_id_fk" FOREIGN KEY ("agency_id","employee_id") REFERENCES "public"."employee"("agency_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "owner_link" ADD CONSTRAINT "owner_link_agency_id_listing_id_listing_agency_id_id_fk" FOREIGN KEY ("agency_id","listing_id") REFERENCES "public"."listing"("agency_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "report_subscription" ADD CONSTRAINT "report_subscription_agency_id_employee_id_employee_agency_id_id_fk" FOREIGN KEY ("agency_id","employee_id") REFERENCES "public"."employee"("agency_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "audience_day_agency_id_cabinet_id_day_index" ON "audience_day" USING btree ("agency_id","cabinet_id","day");--> statement-breakpoint
CREATE INDEX "mail_waiting" ON "mail" USING btree ("due_at") WHERE sent_at is null and failed_at is null;--> statement-breakpoint
CREATE INDEX "owner_link_agency_id_listing_id_index" ON "owner_link" USING btree ("agency_id","listing_id");--> statement-breakpoint
CREATE INDEX "report_subscription_agency_id_employee_id_index" ON "report_subscription" USING btree ("agency_id","employee_id");