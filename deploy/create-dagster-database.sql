CREATE DATABASE dagster OWNER orders;
