# One image; the command decides the role: serve, publish, import, migrate …
FROM node:24-bookworm-slim
WORKDIR /app
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8080 DATA_DIR=/data
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev && npm cache clean --force
COPY tsconfig.json ./
COPY src ./src
COPY feed-schemas ./feed-schemas
COPY board-rules ./board-rules
COPY fixtures ./fixtures
RUN mkdir /data && chown node:node /data
VOLUME /data
USER node
EXPOSE 8080
ENTRYPOINT ["npx", "tsx", "src/main.ts"]
CMD ["serve"]
