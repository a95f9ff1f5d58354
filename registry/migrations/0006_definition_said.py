from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('registry', '0005_retrain_after'),
    ]

    operations = [
        migrations.AddField(
            model_name='project',
            name='definition_said',
            field=models.JSONField(blank=True, default=dict),
        ),
    ]
